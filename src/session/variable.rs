//! The credential of a token variable. It is not stored anywhere; from a refresh
//! token, a token is minted for this run and kept in memory.

use zeroize::Zeroizing;

use crate::credential::{Credential, OAuth, Renewal};
use crate::error::{Error, Result};
use crate::http::{Http, token_error};
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::{Grant, TokenError};
use crate::secret::{AccessToken, ApiToken, ClientSecret, NotAToken, RefreshToken};
use crate::settings::Settings;
use crate::world::World;

/// The credential of a token variable.
pub(super) async fn credential(
    world: &World,
    settings: &Settings,
    http: &Http,
    name: &'static str,
) -> Result<Credential> {
    let text = Zeroizing::new(world.var(name).unwrap_or_default());
    let no_token = |why: NotAToken| Error::usage(format!("{name} does not hold a token: {why}"));
    match name {
        "LOKALISE_API_TOKEN" => ApiToken::parse(&text).map(Credential::ApiToken).map_err(no_token),
        "LOKALISE_API_TOKEN_FILE" => {
            // A pipe may say nothing for long: on a thread of its own, signals are heard meanwhile.
            let content = tokio::task::spawn_blocking(move || read_token_file(&text));
            let content = content.await.map_err(|error| Error::other("the file cannot be read").because(error))??;
            let token = ApiToken::parse(&content)
                .map_err(|why| Error::usage(format!("the file of {name} does not hold a token: {why}")))?;
            Ok(Credential::ApiToken(token))
        }
        "LOKALISE_ACCESS_TOKEN" => {
            let access_token = AccessToken::parse(&text).map_err(no_token)?;
            let oauth = OAuth { access_token, expires_at: None, lifetime: None, scopes: None, renewal: None };
            Ok(Credential::OAuth(oauth))
        }
        _ => {
            let refresh_token = RefreshToken::parse(&text).map_err(no_token)?;
            let client = client_of_variables(world)?;
            let grant = Grant::RefreshToken(&refresh_token);
            let response =
                http.token(world, &settings.oauth_url, &grant, &client).await?.map_err(|error| not_minted(&error))?;
            if response.refresh_token.as_ref().is_some_and(|new| new.expose() != refresh_token.expose()) {
                world.warn("Lokalise sent a new refresh token, which this run does not keep: LOKALISE_REFRESH_TOKEN may not work again");
            }
            let renewal = Renewal { client, refresh_token };
            Ok(Credential::OAuth(OAuth::minted(response, renewal, world.now())))
        }
    }
}

/// Why no token could be minted.
pub(super) fn not_minted(error: &TokenError) -> Error {
    token_error(error, "minting a token from LOKALISE_REFRESH_TOKEN")
        .hint("check LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET")
}

fn client_of_variables(world: &World) -> Result<ClientCredentials> {
    let needed = |name: &str| {
        world.var(name).ok_or_else(|| {
            Error::usage(format!("LOKALISE_REFRESH_TOKEN is set, but {name} is not")).hint(
                "a token is minted from LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET together",
            )
        })
    };
    let id = needed("LOKALISE_CLIENT_ID")?;
    let secret = ClientSecret::parse(&needed("LOKALISE_CLIENT_SECRET")?)
        .map_err(|why| Error::usage(format!("LOKALISE_CLIENT_SECRET does not hold a client secret: {why}")))?;
    Ok(ClientCredentials { id, secret })
}

fn read_token_file(path: &str) -> Result<Zeroizing<String>> {
    use std::io::Read;
    // The path is not repeated: it may be a token that was put into the wrong variable.
    let unreadable = |error: std::io::Error| {
        Error::usage("the file that LOKALISE_API_TOKEN_FILE names cannot be read").because(error)
    };
    let mut text = Zeroizing::new(String::with_capacity(8192));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(std::io::Error::other("it is a folder")));
    }
    file.take(crate::secret::LONGEST as u64 + 4).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
