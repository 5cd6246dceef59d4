//! The credential of a token variable. It is not stored anywhere; from a refresh
//! token, a token is minted for this run and kept in memory.

use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::token_request::request_refresh;
use crate::context::Context;
use crate::credential::{Credential, OAuth, Renewal};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::TokenResponse;
use crate::secret::{AccessToken, ApiToken, ClientSecret, LONGEST, NotAToken, RefreshToken};
use crate::world::World;

/// The credential of a token variable.
pub(super) async fn credential(context: Context<'_>, http: &Http, name: &'static str) -> Result<Credential> {
    let text = Zeroizing::new(context.world.var(name).unwrap_or_default());
    let no_token = |why: NotAToken| {
        Error::usage(format!("{name} does not hold a token: {why}")).hint(format!("set {name} to the token alone"))
    };
    match name {
        "LOKALISE_API_TOKEN" => ApiToken::parse(&text).map(Credential::ApiToken).map_err(no_token),
        "LOKALISE_API_TOKEN_FILE" => {
            // A pipe may say nothing for long: on a thread of its own, signals are heard meanwhile.
            let file_text = tokio::task::spawn_blocking(move || secret_file(Path::new(text.as_str()))).await;
            // The path is not repeated: it may be a token that was put into the wrong variable.
            let file_text = file_text.unwrap_or_else(|died| Err(io::Error::other(died))).map_err(|error| {
                Error::usage("the file that LOKALISE_API_TOKEN_FILE names cannot be read")
                    .because(error)
                    .hint("set it to the path of a file that holds the token alone")
            })?;
            let token = ApiToken::parse(&file_text)
                .map_err(|why| Error::usage(format!("the file of {name} does not hold a token: {why}")))
                .map_err(|error| error.hint("write the token alone into it"))?;
            Ok(Credential::ApiToken(token))
        }
        "LOKALISE_ACCESS_TOKEN" => {
            let access_token = AccessToken::parse(&text).map_err(no_token)?;
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

/// What a token is minted from. Nothing is sent.
///
/// # Errors
/// Usage, naming the variable that is missing or holds something else.
pub fn renewal_of_variables(world: &World) -> Result<Renewal> {
    let token = Zeroizing::new(world.var("LOKALISE_REFRESH_TOKEN").unwrap_or_default());
    let refresh_token = RefreshToken::parse(&token)
        .map_err(|why| Error::usage(format!("LOKALISE_REFRESH_TOKEN does not hold a token: {why}")))?;
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

/// A secret that a file holds: no more of it than a token can have.
pub fn secret_file(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    // Room for all of it from the start: a growing buffer would leave copies in memory.
    let mut text = Zeroizing::new(String::with_capacity(2 * LONGEST));
    file.take(LONGEST as u64 + 4).read_to_string(&mut text)?;
    Ok(text)
}
