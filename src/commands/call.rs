//! `call`: one authenticated request, from what was typed to what is printed. What
//! cannot be meant is refused first, then the credential is found, then something is sent.

mod batches;
mod extract;
mod order;
mod paginate;
mod refused;
mod single;
mod wait;

use crate::call::page::Facts;
use crate::call::refusal::Caller;
use crate::call::request::Request;
use crate::call::send::{Sender, out_of_time};
use crate::call::shown;
use crate::cli::Call;
use crate::credential::Kind;
use crate::error::{Error, Result};
use crate::http::Http;
use crate::profile::Entry;
use crate::session::{Choice, Session, Source};
use crate::settings::{Rule, Settings};
use crate::world::World;

use order::{Order, Way};

pub async fn run(world: &World, settings: &Settings, call: &Call) -> Result<u8> {
    let ran = carried_out(world, settings, call);
    match call.timeout {
        Some(limit) => tokio::time::timeout(limit, ran).await.unwrap_or_else(|_| Err(out_of_time(limit))),
        None => ran.await,
    }
}

async fn carried_out(world: &World, settings: &Settings, call: &Call) -> Result<u8> {
    let order = Order::read(world, settings, call).await?;
    let choice = Choice::make(world, settings)?;
    refuse_to_write(&order.request, call.read_only, &choice)?;
    if call.dry_run || call.curl {
        return show(world, &order, call.curl, &choice);
    }
    send(world, settings, order, choice).await?;
    Ok(0)
}

/// Finds the credential, renews it if it is stale, and sends what was ordered with it.
async fn send(world: &World, settings: &Settings, order: Order, choice: Choice) -> Result<()> {
    let http = Http::new(world)?;
    let mut session = Session::of_choice(world, settings, &http, choice).await?;
    session.fresh().await?;
    let Order { request, way, wishes, wait, extract, allow_partial, patience, data_only, async_export, .. } = order;
    let run = Run {
        world,
        settings,
        http: &http,
        caller: caller(&session, async_export),
        sender: Sender::new(world, &http, session, patience)?,
        request,
        allow_partial,
        data_only,
        include: wishes.include,
        silent: wishes.silent,
    };
    match way {
        Way::Pages(items, pages) => paginate::paginate(&run, wishes, items, pages).await,
        Way::Batches(bodies) => batches::send(&run, wishes, bodies).await,
        Way::One => match (extract, wait) {
            (Some(folder), limit) => extract::extract(&run, limit, &folder).await,
            (None, Some(limit)) => wait::wait(&run, wishes, limit).await,
            (None, None) => single::single(&run, wishes).await,
        },
    }
}

/// What every step of a run needs.
struct Run<'w> {
    world: &'w World,
    settings: &'w Settings,
    http: &'w Http,
    sender: Sender<'w>,
    request: Request,
    caller: Caller,
    allow_partial: bool,
    data_only: bool,
    include: bool,
    silent: bool,
}

impl Run<'_> {
    /// How the request ended, and how showing its answer did: the first is the failure of the run, and the second is
    /// not lost beside it.
    fn both<T>(&self, ended: Result<T>, shown: Result<()>) -> Result<T> {
        if let (Err(_), Err(second)) = (&ended, &shown)
            && !second.is_closed_pipe()
        {
            self.world.say(&format!("lokalise-auth: {second}"));
        }
        ended.and_then(|value| shown.map(|()| value))
    }
}

/// What is known of the credential, for the hints of a refusal.
fn caller(session: &Session, async_export: Option<String>) -> Caller {
    let profile_words = session.profile_words();
    Caller {
        variable: match &session.source {
            Source::Variable(name) => Some(name),
            Source::Store(..) | Source::Command(_) => None,
        },
        is_oauth: session.is_oauth(),
        scopes: session.scopes().map(<[String]>::to_vec),
        async_export: async_export.map(|line| line + &profile_words),
        profile_words,
    }
}

/// What a whole body says about errors, if it is JSON at all.
fn facts_of(body: &[u8]) -> Facts {
    serde_json::from_slice(body).map(|document| Facts::of(&document)).unwrap_or_default()
}

/// Refuses what would write, where only reading is allowed.
fn refuse_to_write(request: &Request, read_only: bool, choice: &Choice) -> Result<()> {
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
fn show(world: &World, order: &Order, as_curl: bool, choice: &Choice) -> Result<u8> {
    let kind = match (&choice.rule, &choice.entry) {
        (Rule::TokenVariable("LOKALISE_ACCESS_TOKEN" | "LOKALISE_REFRESH_TOKEN"), _)
        | (_, Some(Entry { kind: Kind::OAuth, .. })) => Kind::OAuth,
        _ => Kind::ApiToken,
    };
    let mut request = order.request.clone();
    match &order.way {
        Way::One => {}
        Way::Pages(items, pages) => {
            let parameters = paginate::pages_of(&request, *items, *pages).first();
            request = request.with_parameters(&parameters);
            world.say("lokalise-auth: this is the request for the first page");
        }
        Way::Batches(bodies) => {
            request.body = bodies.first().cloned();
            world.say(&format!("lokalise-auth: this is the first of {} requests", bodies.len()));
        }
    }
    let text = if as_curl { shown::as_curl(&request, kind) + "\n" } else { shown::as_request(&request, kind) };
    world.answer(&text)?;
    Ok(0)
}
