//! `call`: one authenticated request, from what was typed to what is printed. Contradictions are
//! refused first, then the credential is found, then the request is sent.

mod batches;
mod extract;
mod paginate;
mod plan;
mod refused;
mod single;
mod wait;

use crate::call::dry_run;
use crate::call::refusal::CredentialInfo;
use crate::call::request::ApiRequest;
use crate::call::send::{Sender, out_of_time};
use crate::cli::Call;
use crate::context::Context;
use crate::credential::CredentialKind;
use crate::error::{Error, Result};
use crate::http::Http;
use crate::json::lenient;
use crate::json::list::BodySummary;
use crate::profile::ProfileEntry;
use crate::secret::API_TOKEN_LENGTH;
use crate::session::{CredentialChoice, CredentialSource, Session, command_hint};
use crate::settings::ProfileRule;

use plan::{CallPlan, Requests};

pub async fn run(context: Context<'_>, call: &Call) -> Result<u8> {
    let ran = execute(context, call);
    match call.timeout {
        Some(limit) => {
            let ended = tokio::time::timeout(limit, ran).await;
            ended.unwrap_or_else(|_| Err(context.world.interrupted(out_of_time(limit))))
        }
        None => ran.await,
    }
}

async fn execute(context: Context<'_>, call: &Call) -> Result<u8> {
    let plan = CallPlan::read(context, call).await?;
    let choice = CredentialChoice::make(context)?;
    refuse_to_write(&plan.request, call.read_only, &choice)?;
    for warning in &plan.warnings {
        context.world.warn(warning);
    }
    if call.dry_run || call.curl {
        return show(context, &plan, call.curl, &choice);
    }
    send(context, plan, choice).await?;
    Ok(0)
}

/// Finds the credential, renews it if it is stale, and sends the planned requests with it.
async fn send(context: Context<'_>, plan: CallPlan, choice: CredentialChoice) -> Result<()> {
    let mut http = Http::new(context.world);
    http.refresh_patience = http.refresh_patience.min(plan.retry_budget.longest());
    let mut session = Session::of_choice(context, &http, choice).await?;
    session.fresh().await?;
    let CallPlan {
        request,
        requests,
        options,
        wait,
        extract,
        allow_partial,
        retry_budget,
        data_only,
        async_export,
        ..
    } = plan;
    let run = Run {
        context,
        http: &http,
        credential_info: credential_info(&session, async_export, matches!(requests, Requests::Pages(..))),
        sender: Sender::new(context.world, &http, session, retry_budget)?,
        request,
        allow_partial,
        data_only,
        include: options.include,
        silent: options.silent,
    };
    match requests {
        Requests::Pages(items, pages) => paginate::paginate(&run, options, items, pages).await,
        Requests::Batches(bodies) => batches::send(&run, options, bodies).await,
        Requests::One => match (extract, wait) {
            (Some(folder), limit) => extract::extract(&run, limit, &folder).await,
            (None, Some(limit)) => wait::wait(&run, options, limit).await,
            (None, None) => single::single(&run, options).await,
        },
    }
}

/// What every step of a run needs.
struct Run<'w> {
    context: Context<'w>,
    http: &'w Http,
    sender: Sender<'w>,
    request: ApiRequest,
    credential_info: CredentialInfo,
    allow_partial: bool,
    data_only: bool,
    include: bool,
    silent: bool,
}

impl Run<'_> {
    /// Joins the results of the request and of showing its answer: the first is the failure of the run, and the second
    /// is reported too.
    fn report_both<T>(&self, ended: Result<T>, shown: Result<()>) -> Result<T> {
        if let (Err(_), Err(second)) = (&ended, &shown)
            && !second.is_closed_pipe()
        {
            self.context.world.say(&format!("lokalise-auth: {second}"));
        }
        ended.and_then(|value| shown.map(|()| value))
    }
}

/// What is known of the credential, for the hints of a refusal.
fn credential_info(session: &Session, async_export: Option<String>, paginates: bool) -> CredentialInfo {
    let profile_flag = session.profile_flag_for_hint();
    CredentialInfo {
        variable: match &session.source {
            CredentialSource::Variable(name) => Some(name),
            CredentialSource::Store(..) | CredentialSource::Command(_) => None,
        },
        command_hint: match &session.source {
            CredentialSource::Command(program) => Some(command_hint(program)),
            CredentialSource::Variable(_) | CredentialSource::Store(..) => None,
        },
        odd_length: session.api_token_length().filter(|length| *length != API_TOKEN_LENGTH),
        is_oauth: session.is_oauth(),
        scopes: session.scopes().map(<[String]>::to_vec),
        async_export: async_export.map(|line| line + &profile_flag),
        profile_flag,
        paginates,
    }
}

/// The errors in a complete body, if it is JSON.
fn summary_of(body: &[u8]) -> BodySummary {
    lenient::parse(body).map(|document| BodySummary::of(&document)).unwrap_or_default()
}

/// Refuses a request that writes where only reading is allowed.
fn refuse_to_write(request: &ApiRequest, read_only: bool, choice: &CredentialChoice) -> Result<()> {
    let bound = choice.entry.as_ref().is_some_and(|entry| entry.read_only);
    if request.only_reads() || !(read_only || bound) {
        return Ok(());
    }
    let error = Error::usage(format!("`{} {}` writes, and only reading is allowed", request.method, request.path));
    Err(match (read_only, &choice.profile) {
        (false, Some(profile)) => error.hint(format!("profile `{profile}` is read-only; -p chooses another")),
        _ => error.hint("--read-only says so"),
    })
}

/// `--dry-run` and `--curl`: shows the first request, and opens neither a socket nor a store.
fn show(context: Context<'_>, plan: &CallPlan, as_curl: bool, choice: &CredentialChoice) -> Result<u8> {
    let Context { world, settings } = context;
    let kind = match (&choice.rule, &choice.entry) {
        (ProfileRule::TokenVariable("LOKALISE_ACCESS_TOKEN" | "LOKALISE_REFRESH_TOKEN"), _)
        | (_, Some(ProfileEntry { kind: CredentialKind::OAuth, .. })) => CredentialKind::OAuth,
        _ => CredentialKind::ApiToken,
    };
    let mut request = plan.request.clone();
    match &plan.requests {
        Requests::One => {}
        Requests::Pages(items, pages) => {
            let parameters = paginate::pages_of(&request, *items, *pages).first();
            request = request.with_parameters(&parameters);
            world.say("lokalise-auth: this is the request for the first page");
        }
        Requests::Batches(bodies) => {
            request.body = bodies.first().cloned();
            world.say(&format!("lokalise-auth: this is the first of {} requests", bodies.len()));
        }
    }
    if settings.json && !as_curl {
        return world.answer_json(&dry_run::as_json(&request, kind)).map(|()| 0);
    }
    let text = if as_curl { dry_run::as_curl(&request, kind) + "\n" } else { dry_run::as_request(&request, kind) };
    world.answer(&text)?;
    Ok(0)
}
