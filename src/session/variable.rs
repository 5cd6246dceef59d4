//! The credential of a token variable. It is not stored anywhere; from a refresh
//! token, a token is minted for this run and kept in memory.

use std::io;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::token_request::request_refresh;
use super::token_text;
use crate::context::Context;
use crate::credential::{Credential, OAuth, Renewal};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::TokenResponse;
use crate::secret::{AccessToken, ApiToken, ClientSecret, NotAToken, RefreshToken};
use crate::text;
use crate::world::World;

/// The credential of a token variable.
pub(super) async fn credential(context: Context<'_>, http: &Http, name: &'static str) -> Result<Credential> {
    let text = Zeroizing::new(context.world.var(name).unwrap_or_default());
    match name {
        "LOKALISE_API_TOKEN" => of_variable(name, &text, ApiToken::parse).map(Credential::ApiToken),
        "LOKALISE_API_TOKEN_FILE" => token_of_file(context, text).await.map(Credential::ApiToken),
        "LOKALISE_ACCESS_TOKEN" => {
            let access_token = of_variable(name, &text, AccessToken::parse)?;
            Ok(Credential::OAuth(OAuth::from_access_token(access_token)))
        }
        _ => {
            let renewal = renewal_of_variables(context.world)?;
            let response = mint(context, http, &renewal).await?;
            let new = response.refresh_token.as_ref();
            if new.is_some_and(|new| new.expose() != renewal.refresh_token.expose()) {
                context.world.warn("Lokalise sent a new refresh token, which this run does not keep: LOKALISE_REFRESH_TOKEN may not work again");
            }
            Ok(Credential::OAuth(OAuth::minted(response, renewal, context.world.now())))
        }
    }
}

/// The token in a variable. Text that cannot be a token is not sent.
fn of_variable<T>(name: &str, text: &str, parse: impl Fn(&str) -> Result<T, NotAToken>) -> Result<T> {
    let refused = |why: String| {
        Error::usage(format!("{name} does not hold a token: {why}")).hint(format!("set {name} to the token alone"))
    };
    let token = text::value(text);
    if let Some(looks_like) = token_text::not_a_token(&token) {
        return Err(refused(looks_like.to_owned()));
    }
    parse(&token).map_err(|why| refused(why.to_string()))
}

/// The token in the file of `LOKALISE_API_TOKEN_FILE`. The path is not repeated: it may be a token that was put into the
/// wrong variable.
async fn token_of_file(context: Context<'_>, path: Zeroizing<String>) -> Result<ApiToken> {
    let unexpanded = path.starts_with('~') || path.contains('$');
    let reading = secret_file(PathBuf::from(path.as_str()));
    let read = tokio::time::timeout(context.settings.store_limit, reading).await;
    let token = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| {
        let error = Error::usage("the file that LOKALISE_API_TOKEN_FILE names cannot be read").because(error);
        if unexpanded {
            error.hint("`~` and `$NAME` are not expanded here: give the whole path")
        } else {
            error.hint("set it to the path of a file that holds the token alone")
        }
    })?;
    let no_token = |why: String| {
        Error::usage(format!("the file of LOKALISE_API_TOKEN_FILE does not hold a token: {why}"))
            .hint("write the token alone into it")
    };
    match token_text::not_a_token(&token) {
        Some(looks_like) => Err(no_token(looks_like.to_owned())),
        None => ApiToken::parse(&token).map_err(|why| no_token(why.to_string())),
    }
}

/// Exchanges the refresh token of a variable for tokens that are kept in memory.
pub(super) async fn mint(context: Context<'_>, http: &Http, renewal: &Renewal) -> Result<TokenResponse> {
    let what = "minting a token from LOKALISE_REFRESH_TOKEN";
    request_refresh(context, http, renewal, http.refresh_patience, what).await.map_err(|error| {
        if error.kind == ErrorKind::NotLoggedIn {
            error.hint("check LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET")
        } else {
            error
        }
    })
}

/// The refresh token and the client of the variables. Nothing is sent.
///
/// # Errors
/// Usage. It names the variable that is missing or does not hold what it should.
pub fn renewal_of_variables(world: &World) -> Result<Renewal> {
    let token = Zeroizing::new(world.var("LOKALISE_REFRESH_TOKEN").unwrap_or_default());
    let refresh_token = of_variable("LOKALISE_REFRESH_TOKEN", &token, RefreshToken::parse)?;
    let needed = |name: &str| {
        world.var(name).ok_or_else(|| {
            Error::usage(format!("LOKALISE_REFRESH_TOKEN is set, but {name} is not")).hint(
                "a token is minted from LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET together",
            )
        })
    };
    let id = needed("LOKALISE_CLIENT_ID")?;
    let secret = ClientSecret::parse(&Zeroizing::new(needed("LOKALISE_CLIENT_SECRET")?))
        .map_err(|why| Error::usage(format!("LOKALISE_CLIENT_SECRET does not hold a client secret: {why}")))?;
    Ok(Renewal { client: ClientCredentials { id, secret }, refresh_token })
}

/// Reads a secret from a file or a pipe. A pipe may block for long, so a thread reads it and signals still work.
pub async fn secret_file(path: PathBuf) -> io::Result<Zeroizing<String>> {
    let read = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        text::read_value(file)
    });
    read.await.unwrap_or_else(|died| Err(io::Error::other(died)))
}
