//! The path argument of `call`: a URL on the credential's own origin, below `/api2/` or
//! `/v1/`, or a refusal before any socket is opened (CAL-02 in `.github/SECURITY.md`).

use std::borrow::Cow;
use std::fmt::Write as _;

use reqwest::Url;

use crate::error::{Error, Result};
use crate::origin::{ApiUrl, Origin};

/// The path prefixes of the API. A credential is sent to no other path of the host.
const ROOTS: [&str; 2] = ["/api2/", "/v1/"];

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Target {
    pub url: Url,
    /// The path below the origin's prefix, as the endpoint table has it: `/api2/projects/123/keys`.
    pub path: String,
}

/// The value of `{project_id}`.
#[derive(Clone, Copy, Default)]
pub struct Project<'a> {
    /// `--project` or `LOKALISE_PROJECT_ID`; it may name a branch, as in `ID:BRANCH`.
    pub id: Option<&'a str>,
    /// `--branch`
    pub branch: Option<&'a str>,
}

/// Reads the path argument.
///
/// # Errors
/// Usage, if it leaves the origin or the API, or could be read in two ways.
pub fn target(argument: &str, api: &ApiUrl, project: Project) -> Result<Target> {
    refuse_odd_characters(argument)?;
    refuse_unexpanded("the path", argument.split('?').next().unwrap_or_default())?;
    let filled = filled(argument, project)?;
    let base = api.at("/api2/");
    // The joined text is parsed once, by the parser that the client uses. What it made of the text is then
    // compared: `//host`, `\\host` and five more spellings change the host in a join.
    let url = match absolute(&filled)? {
        Some(url) => url,
        None => Url::parse(&format!("{}{}", base.origin().ascii_serialization(), rooted(&filled, api.prefix())?))
            .map_err(|_| Error::usage(format!("`{argument}` is not a path")))?,
    };
    // First, since the next refusal repeats the argument.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage("a URL with a user name or password in it is not sent anywhere"));
    }
    if Origin::of(&url) != api.origin() {
        let error = Error::usage(format!("`{argument}` is not on {}", api.origin()));
        return Err(error.hint(if url.path().starts_with("/project/") {
            "the address of a project goes with --project: `call '/projects/{p}' --project ADDRESS`"
        } else {
            "give the path alone, such as `/projects`"
        }));
    }
    let path = url.path().strip_prefix(api.prefix()).unwrap_or_default().to_owned();
    if !within_the_api(&path) {
        return Err(Error::usage(format!("`{argument}` is not below `/api2/` or `/v1/`"))
            .hint("give a path of the API, such as `/projects` or `/v1/audit-logs`"));
    }
    Ok(Target { url, path })
}

/// Refuses what browsers and shells rewrite silently, and names it.
fn refuse_odd_characters(argument: &str) -> Result<()> {
    // MSYS turns an argument that starts with `/` into a Windows path before this program sees it.
    let bytes = argument.as_bytes();
    if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'/' | b'\\') {
        return Err(Error::usage(format!("`{argument}` is a path of this machine, not of the API"))
            .hint("Git Bash rewrites a leading `/`: write `projects` for `/projects`, or set MSYS_NO_PATHCONV=1"));
    }
    if argument.chars().any(char::is_control) {
        return Err(Error::usage("the path has a control character in it"));
    }
    if argument.contains('\\') {
        return Err(Error::usage(format!("the path `{argument}` has a backslash in it")));
    }
    if argument.contains(char::is_whitespace) {
        return Err(Error::usage(format!("the path `{argument}` has a space in it"))
            .hint("write it as %20, or give the parameter with --query"));
    }
    if argument.contains('#') {
        return Err(Error::usage(format!("the path `{argument}` has a fragment")).hint("write `#` as %23"));
    }
    Ok(())
}

/// Refuses a variable that the shell did not expand: it was in single quotes, or in another shell's syntax.
fn refuse_unexpanded(what: &str, text: &str) -> Result<()> {
    let Some(variable) = unexpanded(text) else { return Ok(()) };
    Err(Error::usage(format!("{what} has `{variable}` in it, which the shell did not replace with its value"))
        .hint("between single quotes nothing is replaced: use double quotes")
        .hint("or write `{p}` for the project, which --project or LOKALISE_PROJECT_ID fills in"))
}

/// The first `$NAME`, `${NAME}`, `$(COMMAND)` or `%NAME%` of a text.
fn unexpanded(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, sign) in text.match_indices(['$', '%']) {
        let rest = &text[at + 1..];
        let name = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let begins_name = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let end = match rest.chars().next() {
            Some('{') if sign == "$" => rest.find('}').map_or(rest.len(), |end| end + 1),
            Some('(') if sign == "$" => rest.find(')').map_or(rest.len(), |end| end + 1),
            _ if sign == "$" && begins_name => name,
            // `%E4` is an encoded byte (RFC 3986 §2.1).
            _ if sign == "%" && begins_name && rest[name..].starts_with('%') && !is_encoded_byte(rest) => name + 1,
            _ => continue,
        };
        return Some(&text[at..=at + end]);
    }
    None
}

fn is_encoded_byte(text: &str) -> bool {
    text.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// The argument with `{project_id}` and `{p}` filled in.
fn filled<'a>(argument: &'a str, project: Project) -> Result<Cow<'a, str>> {
    let (path, query) = argument.split_once('?').map_or((argument, None), |(path, query)| (path, Some(query)));
    let named = path.contains("{project_id}") || path.contains("{p}");
    let in_query = query.is_some_and(|query| query.contains("{project_id}") || query.contains("{p}"));
    if project.branch.is_some() && !named {
        return Err(Error::usage("--branch has no project to go with in this path")
            .hint("write `{project_id}` in the path, and give the id with --project"));
    }
    let argument = if named || in_query {
        let id = identifier(project)?;
        Cow::Owned(argument.replace("{project_id}", &id).replace("{p}", &id))
    } else {
        Cow::Borrowed(argument)
    };
    // Braces may be intended in a query. Only a path has placeholders with other names.
    let path = argument.split('?').next().unwrap_or_default();
    match path.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        Some((name, _)) => {
            Err(Error::usage(format!("nothing is known to put for `{{{name}}}`")).hint("write its value in the path"))
        }
        None => Ok(argument),
    }
}

/// `ID` or `ID:BRANCH`, each percent-encoded, the colon between them not.
fn identifier(project: Project) -> Result<String> {
    let given = project.id.ok_or_else(|| {
        Error::usage("the path needs a project, and none is given")
            .hint("add --project ID, or set LOKALISE_PROJECT_ID")
            .hint(r#"the ids of your projects: `lokalise-auth call /projects --jq '.projects[] | "\(.project_id) \(.name)"'`"#)
    })?;
    refuse_unexpanded("the project", given)?;
    let (id, own_branch) = match in_web_app(given)? {
        Some((id, branch)) => (Cow::Owned(id), branch),
        None => match given.split_once(':') {
            Some((id, branch)) => (id.into(), Some(branch.to_owned())),
            None => (given.into(), None),
        },
    };
    let id = segment("the project", &id)?;
    match (own_branch.as_deref(), project.branch) {
        (None, None) => Ok(id),
        (Some(branch), None) | (None, Some(branch)) => Ok(format!("{id}:{}", segment("the branch", branch)?)),
        (Some(_), Some(_)) => Err(Error::usage("the project names a branch already; --branch would be a second")),
    }
}

/// The id and the branch of a project from its address in the web app,
/// `https://app.lokalise.com/project/ID/?view=multi&branch=NAME`. The host does not matter: nothing is sent there.
fn in_web_app(given: &str) -> Result<Option<(String, Option<String>)>> {
    if !given.contains('/') {
        return Ok(None);
    }
    let no_address = || {
        Error::usage("the project is neither an id nor the address of a project")
            .hint("an id looks like `3002780358964f9bab5a92.87762498`; in an address it follows `/project/`")
    };
    let address = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
    let url = Url::parse(&address).map_err(|_| no_address())?;
    let mut segments = url.path_segments().ok_or_else(no_address)?;
    let _ = segments.find(|segment| matches!(*segment, "project" | "projects")).ok_or_else(no_address)?;
    let named = segments.next().filter(|id| !id.is_empty()).ok_or_else(no_address)?;
    let (id, branch) = match named.split_once(':') {
        Some((id, branch)) => (id, Some(branch.to_owned())),
        None => (named, None),
    };
    let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_id {
        return Err(no_address());
    }
    let in_query = url.query_pairs().find(|(name, value)| name == "branch" && !value.is_empty());
    Ok(Some((id.to_owned(), branch.or_else(|| in_query.map(|(_, value)| value.into_owned())))))
}

/// One path segment's value, percent-encoded down to the unreserved characters of RFC 3986 §2.3.
fn segment(what: &str, value: &str) -> Result<String> {
    if value.is_empty() {
        return Err(Error::usage(format!("{what} is empty")));
    }
    if matches!(value, "." | "..") {
        return Err(Error::usage(format!("{what} is `{value}`, which is not a name")));
    }
    if value.chars().any(char::is_control) {
        return Err(Error::usage(format!("{what} has a control character in it")));
    }
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a String takes all"),
        }
    }
    Ok(encoded)
}

/// The argument as a URL, if it is a full one.
fn absolute(argument: &str) -> Result<Option<Url>> {
    let first = argument.split(['/', '?']).next().unwrap_or_default();
    let Some((scheme, _)) = first.split_once(':') else { return Ok(None) };
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    // A browser's parser reads a host in `http:evil`, and a person reads a path.
    let double_slash = argument.get(scheme.len()..).is_some_and(|rest| rest.starts_with("://"));
    if !is_http || !double_slash {
        return Err(Error::usage(format!("`{argument}` is neither a path nor an http URL")));
    }
    // The message leaves the argument out: a password may precede the host.
    Url::parse(argument).map(Some).map_err(|_| Error::usage("the URL after `call` cannot be read"))
}

/// The argument as a path of the host: `/api2` is added where it was left out.
fn rooted(argument: &str, prefix: &str) -> Result<String> {
    let below = argument.strip_prefix('/').unwrap_or(argument);
    let root = below.split(['/', '?']).next().unwrap_or_default();
    if below.starts_with('/') || root.contains('@') {
        return Err(Error::usage(format!("`{argument}` names a host; give the path alone, such as `/projects`")));
    }
    let api2 = if matches!(root, "api2" | "v1") { "" } else { "/api2" };
    Ok(format!("{prefix}{api2}/{below}"))
}

/// Whether a path stays below a root, also for a server that decodes it once more than we do.
fn within_the_api(path: &str) -> bool {
    let Some(below) = ROOTS.iter().find_map(|root| path.strip_prefix(root)) else { return false };
    let decoded = below.replace("%2e", ".").replace("%2E", ".");
    let decoded = decoded.replace("%2f", "/").replace("%2F", "/").replace("%5c", "/").replace("%5C", "/");
    let mut depth = 0_usize;
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    // The API root itself is not an endpoint.
    depth > 0
}

#[cfg(test)]
mod tests;
