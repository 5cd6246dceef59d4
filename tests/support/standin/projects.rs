//! The endpoints with data: projects, keys, translations, terms, people.

// All endpoints of the table have one type, also those that cannot refuse.
#![allow(clippy::unnecessary_wraps)]

use std::collections::HashSet;

use serde_json::{Value, json};

use super::api::{Call, array};
use super::content::{self, OWNER_EMAIL, OWNER_ID, OWNER_NAME, Project, TEAM_ID};
use super::message::Answer;
use super::{Lokalise, locked, pages};

type Outcome = Result<Answer, Answer>;

/// The members before the list in an answer about a project.
fn of_project(call: &Call) -> Value {
    json!({"project_id": call.project, "branch": call.branch})
}

pub fn list(lokalise: &Lokalise, call: &Call) -> Outcome {
    let projects: Vec<Value> = locked(&lokalise.content).projects.iter().map(Project::body).collect();
    Ok(pages::offset(call, &projects, 5000)?.answer(json!({}), "projects"))
}

/// The shape of a new project, looked at before the credential is.
pub fn check_new_project(body: &Value) -> Result<(), Answer> {
    let name = body["name"].as_str().unwrap_or_default();
    if name.is_empty() { Err(Answer::error(400, "Invalid `name` parameter")) } else { Ok(()) }
}

pub fn create(lokalise: &Lokalise, call: &Call) -> Outcome {
    let body = call.request.json();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let mut content = locked(&lokalise.content);
    Ok(Answer::json(200, &content.add_project(&text("name"), &text("description")).body()))
}

pub fn get(lokalise: &Lokalise, call: &Call) -> Outcome {
    Ok(Answer::json(200, &lokalise.within(call, |project| project.body())))
}

pub fn delete(lokalise: &Lokalise, call: &Call) -> Outcome {
    locked(&lokalise.content).projects.retain(|project| project.id != call.project);
    Ok(Answer::json(200, &json!({"project_id": call.project, "project_deleted": true})))
}

/// By offset or by cursor, never more than 500 at a time.
pub fn keys(lokalise: &Lokalise, call: &Call) -> Outcome {
    let keys = lokalise.within(call, |project| project.keys.clone());
    let page =
        if by_cursor(call) { pages::cursor(call, &keys, "key_id", 500)? } else { pages::offset(call, &keys, 500)? };
    Ok(page.answer(of_project(call), "keys"))
}

pub fn translations(lokalise: &Lokalise, call: &Call) -> Outcome {
    let translations = lokalise.within(call, |project| project.translations.clone());
    let page = if by_cursor(call) {
        pages::cursor(call, &translations, "translation_id", 5000)?
    } else {
        pages::offset(call, &translations, 5000)?
    };
    Ok(page.answer(of_project(call), "translations"))
}

fn by_cursor(call: &Call) -> bool {
    call.request.parameter("pagination").as_deref() == Some("cursor")
}

/// Always 200: the names that are taken are in `errors`.
pub fn create_keys(lokalise: &Lokalise, call: &Call) -> Outcome {
    let wanted = array(&call.request.json(), "keys")?;
    let added = lokalise.within(call, |project| project.add_keys(wanted.iter().map(|key| &key["key_name"])));
    let keys: Vec<&Value> = added.iter().filter_map(|added| added.as_ref().ok()).collect();
    let errors: Vec<&Value> = added.iter().filter_map(|added| added.as_ref().err()).collect();
    let mut body = json!({"project_id": call.project, "keys": keys});
    if !errors.is_empty() {
        body["errors"] = json!(errors);
    }
    Ok(Answer::json(200, &body))
}

/// A `DELETE` with a body: the ids to remove.
pub fn delete_keys(lokalise: &Lokalise, call: &Call) -> Outcome {
    let ids: HashSet<Value> = array(&call.request.json(), "keys")?.into_iter().collect();
    lokalise.within(call, |project| project.keys.retain(|key| !ids.contains(&key["key_id"])));
    let mut body = of_project(call);
    body["keys_removed"] = true.into();
    body["keys_locked"] = 0.into();
    Ok(Answer::json(200, &body))
}

pub fn key(lokalise: &Lokalise, call: &Call) -> Outcome {
    let found = lokalise
        .within(call, |project| project.keys.iter().find(|key| key["key_id"].as_u64() == call.number()).cloned());
    let key = found.ok_or_else(|| Answer::error(404, "Not Found"))?;
    Ok(Answer::json(200, &json!({"project_id": call.project, "key": key})))
}

pub fn delete_key(lokalise: &Lokalise, call: &Call) -> Outcome {
    key(lokalise, call)?;
    lokalise.within(call, |project| project.keys.retain(|key| key["key_id"].as_u64() != call.number()));
    Ok(Answer::json(200, &json!({"project_id": call.project, "key_removed": true, "keys_locked": 0})))
}

pub fn terms(lokalise: &Lokalise, call: &Call) -> Outcome {
    pages::glossary(call, &lokalise.within(call, |project| project.terms.clone()))
}

/// 200 if anything could be created, else 422 with sentences in `errors`.
pub fn create_terms(lokalise: &Lokalise, call: &Call) -> Outcome {
    let wanted = array(&call.request.json(), "terms")?;
    let (mut created, mut errors) = (Vec::new(), Vec::new());
    lokalise.within(call, |project| {
        for wanted in &wanted {
            let name = wanted["term"].as_str().unwrap_or_default();
            if project.terms.iter().any(|term| term["term"] == name) {
                errors.push(format!("Unable to create term: {name}"));
            } else {
                let last = project.terms.last().and_then(|term| term["id"].as_u64()).unwrap_or(5_489_000);
                let id = usize::try_from(last).expect("ids are small") + 1;
                let term = content::term(&call.project, id, name);
                project.terms.push(term.clone());
                created.push(term);
            }
        }
    });
    let meta = json!({"count": wanted.len(), "created": created.len(), "limit": 500});
    let status = if created.is_empty() { 422 } else { 200 };
    Ok(Answer::json(status, &json!({"data": created, "meta": meta, "errors": errors})))
}

pub fn delete_terms(lokalise: &Lokalise, call: &Call) -> Outcome {
    let ids = array(&call.request.json(), "terms")?;
    lokalise.within(call, |project| project.terms.retain(|term| !ids.contains(&term["id"])));
    Ok(Answer::json(200, &json!({"data": {"deleted": {"count": ids.len(), "ids": ids}}})))
}

pub fn contributors(_: &Lokalise, call: &Call) -> Outcome {
    let page = pages::offset(call, &[content::contributor()], 5000)?;
    Ok(page.answer(json!({"project_id": call.project}), "contributors"))
}

pub fn contributor_me(_: &Lokalise, call: &Call) -> Outcome {
    Ok(Answer::json(200, &json!({"contributor": content::contributor(), "project_id": call.project})))
}

pub fn languages(lokalise: &Lokalise, call: &Call) -> Outcome {
    let languages = lokalise.within(call, |project| project.languages.clone());
    Ok(pages::offset(call, &languages, 5000)?.answer(json!({"project_id": call.project}), "languages"))
}

pub fn system_languages(_: &Lokalise, call: &Call) -> Outcome {
    let names = [("en", "English"), ("fr", "French"), ("de", "German"), ("ru", "Russian"), ("lv_LV", "Latvian")];
    let languages: Vec<Value> =
        names.iter().zip(600..).map(|((iso, name), id)| content::language(id, iso, name)).collect();
    Ok(pages::offset(call, &languages, 5000)?.answer(json!({}), "languages"))
}

pub fn teams(_: &Lokalise, call: &Call) -> Outcome {
    let team = json!({"team_id": TEAM_ID, "name": "Example", "plan": "Trial", "quota_usage": {"users": 2}});
    Ok(pages::offset(call, &[team], 5000)?.answer(json!({}), "teams"))
}

/// `user_id` is the owner of the token: the one list that names him.
pub fn payment_cards(_: &Lokalise, call: &Call) -> Outcome {
    let card = json!({"card_id": 3574, "last4": "0000", "brand": "Visa"});
    Ok(pages::offset(call, &[card], 5000)?.answer(json!({"user_id": OWNER_ID}), "payment_cards"))
}

pub fn user(_: &Lokalise, call: &Call) -> Outcome {
    if call.number() != Some(OWNER_ID) {
        return Err(Answer::error(404, "Not Found"));
    }
    Ok(Answer::json(200, &json!({"id": OWNER_ID, "email": OWNER_EMAIL, "fullname": OWNER_NAME})))
}

pub fn audit_logs(lokalise: &Lokalise, call: &Call) -> Outcome {
    pages::audit_log(call, &locked(&lokalise.content).audit_events.clone())
}
