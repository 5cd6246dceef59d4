//! `call`: one authenticated request, from what was typed to what is printed. What
//! cannot be meant is refused first, then the credential is found, then something is sent.

mod batches;
mod extract;
mod order;
mod paginate;
mod single;
mod wait;

use crate::call::output::{Output, Wishes};
use crate::call::page::{Facts, Page};
use crate::call::pretty::{Pretty, Visible};
use crate::call::refusal::{Caller, Head, refusal};
use crate::call::request::Request;
use crate::call::send::{Answer, Fetched, Sender, out_of_time};
use crate::call::shown;
use crate::cli::Call;
use crate::credential::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::lokalise::error::LOOKED_AT;
use crate::profile::Entry;
use crate::session::{Choice, Session, Source};
use crate::settings::{Rule, Settings};
use crate::world::World;

use order::{Order, Way};

pub async fn run(world: &World, settings: &Settings, call: &Call) -> Result<u8> {
    let order = Order::read(world, settings, call)?;
    let choice = Choice::make(world, settings)?;
    refuse_to_write(&order.request, call.read_only, &choice)?;
    if call.dry_run || call.curl {
        return show(world, &order, call.curl, &choice);
    }
    let timeout = order.timeout;
    let sent = send(world, settings, order, choice);
    match timeout {
        Some(limit) => tokio::time::timeout(limit, sent).await.unwrap_or_else(|_| Err(out_of_time(limit)))?,
        None => sent.await?,
    }
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
        known: Known::of(&session, async_export),
        sender: Sender::new(world, &http, session, patience)?,
        request,
        allow_partial,
        data_only,
        include: wishes.include,
        silent: wishes.silent,
        patience,
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
    known: Known,
    allow_partial: bool,
    data_only: bool,
    include: bool,
    silent: bool,
    patience: crate::call::send::Patience,
}

/// What is known of the credential, for the hints of a refusal.
struct Known {
    profile_words: String,
    variable: Option<&'static str>,
    is_oauth: bool,
    scopes: Option<Vec<String>>,
    async_export: Option<String>,
}

impl Known {
    fn of(session: &Session, async_export: Option<String>) -> Self {
        let profile_words = session.profile_words();
        Self {
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
}

impl Run<'_> {
    /// The failure of a request that was refused. The body of the answer is shown on the way.
    async fn refused(&self, answer: Answer) -> Error {
        self.refused_after(Fetched { answer, beginning: Vec::new(), is_whole: false }).await
    }

    /// The same for an answer whose body has been read in part.
    async fn refused_after(&self, fetched: Fetched) -> Error {
        let head = Head::of(&fetched.answer);
        match self.shown_refusal(fetched).await {
            Ok(body) => refusal(&self.request, &head, &body, &self.caller(), self.world.now()),
            // Without its body the answer still has a status.
            Err(error) if error.kind == ErrorKind::Network => {
                refusal(&self.request, &head, b"", &self.caller(), self.world.now())
            }
            Err(error) => error,
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller {
            profile_words: self.known.profile_words.clone(),
            variable: self.known.variable,
            is_oauth: self.known.is_oauth,
            scopes: self.known.scopes.as_deref(),
            async_export: self.known.async_export.clone(),
        }
    }

    /// Shows the body of a refusal: on stdout, or on stderr where stdout is for data. Returns its beginning.
    async fn shown_refusal(&self, fetched: Fetched) -> Result<Vec<u8>> {
        let Fetched { mut answer, beginning, is_whole } = fetched;
        let mut output = None;
        if !self.data_only {
            let wishes = Wishes { include: self.include, silent: self.silent, ..Wishes::default() };
            output = Some(Output::open(self.world, wishes)?);
        }
        if let Some(output) = &mut output {
            output.begin(&answer)?;
        }
        let mut looked_at = Vec::new();
        let mut next = beginning.into_iter();
        loop {
            let chunk = match next.next() {
                Some(chunk) => chunk,
                None if is_whole => break,
                None => match answer.chunk().await? {
                    Some(chunk) => chunk,
                    None => break,
                },
            };
            let room = LOOKED_AT - looked_at.len();
            looked_at.extend_from_slice(&chunk[..chunk.len().min(room)]);
            match &mut output {
                Some(output) => output.write(&chunk)?,
                None if looked_at.len() == LOOKED_AT => break,
                None => {}
            }
        }
        match output {
            Some(output) => output.finish()?,
            None => self.show_on_stderr(&looked_at, answer.is_json()),
        }
        Ok(looked_at)
    }

    /// The body of an error beside clean data. With --json, stderr is for one object.
    fn show_on_stderr(&self, body: &[u8], is_json: bool) {
        use std::io::Write;
        if body.is_empty() || self.silent || self.settings.json {
            return;
        }
        let shown = match (self.world.stderr_is_terminal, is_json) {
            (false, _) => body.to_vec(),
            (true, true) => {
                let mut pretty = Pretty::new(self.world.color_stderr());
                (pretty.push(body) + pretty.end().trim_end()).into_bytes()
            }
            (true, false) => Visible::default().push(body).into_bytes(),
        };
        let mut stderr = std::io::stderr().lock();
        // Where stderr is closed, nobody is left to tell.
        let _ = stderr.write_all(&shown).and_then(|()| stderr.write_all(b"\n"));
    }
}

/// What a whole body says about errors, if it is JSON at all.
fn facts_of(body: &[u8]) -> Facts {
    let mut page = Page::new(None);
    page.push(body, |_| {}).and_then(|()| page.finish()).unwrap_or_default()
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
    let credential = match (&choice.rule, &choice.entry) {
        (Rule::TokenVariable("LOKALISE_ACCESS_TOKEN" | "LOKALISE_REFRESH_TOKEN"), _)
        | (_, Some(Entry { kind: Kind::OAuth, .. })) => shown::Credential::OAuth,
        _ => shown::Credential::ApiToken,
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
    let text =
        if as_curl { shown::as_curl(&request, credential) + "\n" } else { shown::as_request(&request, credential) };
    world.answer(&text)?;
    Ok(0)
}
