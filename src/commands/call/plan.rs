//! Turns the flags of `call` into a plan. Contradictions are refused here, before a credential is
//! looked up or a socket is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;

use crate::call::batch::Batch;
use crate::call::body::{BodyPart, RequestBody};
use crate::call::fields::{self, FieldArgument, Fields};
use crate::call::filter::{self, Filter, FilterContext};
use crate::call::filter_worker::{Filters, ResultStyle};
use crate::call::headers::headers;
use crate::call::input::{self, ByteSource, Inputs};
use crate::call::output::{MAX_HELD_BYTES, OutputOptions};
use crate::call::request::{ApiRequest, add_query, method};
use crate::call::send::RetryBudget;
use crate::call::target::{Project, target};
use crate::cli;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::files::output_file::OutputPath;
use crate::shell;
use crate::text;
use crate::world::World;

/// How long a run may wait for rate limits and retries unless `--max-wait` is given.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What one `call` is going to do.
pub struct CallPlan {
    pub request: ApiRequest,
    pub requests: Requests,
    pub options: OutputOptions,
    /// `--wait`
    pub wait: Option<Duration>,
    /// `--extract`
    pub extract: Option<PathBuf>,
    pub allow_partial: bool,
    pub retry_budget: RetryBudget,
    /// Stdout is for data: the body of an error goes to stderr.
    pub data_only: bool,
    /// The same export as an asynchronous one, if this is a synchronous one.
    pub async_export: Option<String>,
    /// Warnings about parts of the request that may be a mistake.
    pub warnings: Vec<String>,
}

/// How many requests it takes.
pub enum Requests {
    One,
    /// `--paginate`, with the most items and pages.
    Pages(Option<u64>, Option<u64>),
    /// `--batch`: the body of each request.
    Batches(Vec<RequestBody>),
}

impl CallPlan {
    /// Reads the flags, and the files that they name.
    ///
    /// # Errors
    /// Usage.
    pub async fn read(context: Context<'_>, call: &cli::Call) -> Result<Self> {
        refuse_contradictions(call)?;
        // A filter is compiled before files are read, since stdin can be read once.
        let filters = filters(call)?;
        let batch = call.batch.as_deref().map(Batch::parse).transpose()?;
        let file = call.output.as_ref().filter(|path| path.as_os_str() != "-");
        let file = file.map(|path| OutputPath::new(path)).transpose()?;
        if let Some(folder) = &call.extract {
            refuse_no_folder(folder)?;
        }
        let (request, warnings) = request(context, call).await?;
        let requests = match batch {
            Some(batch) => Requests::Batches(batches(&batch, &request)?),
            None if call.paginate && request.method == Method::GET => Requests::Pages(call.max_items, call.max_pages),
            None if call.paginate => {
                return Err(Error::usage(format!("--paginate reads lists, and this is a {}", request.method)));
            }
            None => Requests::One,
        };
        let one_document = call.paginate || call.batch.is_some() || call.ndjson;
        let filtered = filters.filter.is_some() || one_document || call.extract.is_some() || file.is_some();
        Ok(Self {
            async_export: async_export(call, &request),
            request,
            requests,
            options: OutputOptions { file, include: call.include, silent: call.silent, lines: call.ndjson, filters },
            wait: call.wait,
            extract: call.extract.clone(),
            allow_partial: call.allow_partial,
            retry_budget: RetryBudget { max_wait: call.max_wait.unwrap_or(MAX_WAIT), retry: !call.no_retry },
            data_only: filtered,
            warnings,
        })
    }
}

/// `--jq` and `--fail-unless` with their variables, and how results are written.
#[expect(clippy::disallowed_methods, reason = "`env` in jq is the whole environment")]
fn filters(call: &cli::Call) -> Result<Filters> {
    let variables = filter::variables(&pairs(&call.arg), &pairs(&call.argjson))?;
    let compile = |code: &String| Filter::compile(code, &variables);
    Ok(Filters {
        filter: call.jq.as_ref().map(compile).transpose()?,
        gate: call.fail_unless.as_ref().map(compile).transpose()?,
        context: FilterContext::new(std::env::vars_os()),
        style: ResultStyle { terminal: None, pretty: call.pretty, sort_keys: call.sort_keys },
    })
}

/// The pairs of values of a flag that takes two values each time.
fn pairs(words: &[String]) -> Vec<(String, String)> {
    words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn refuse_contradictions(call: &cli::Call) -> Result<()> {
    let given = [
        ("--paginate", call.paginate),
        ("--batch", call.batch.is_some()),
        ("--wait", call.wait.is_some()),
        ("--extract", call.extract.is_some()),
        ("--jq", call.jq.is_some()),
        ("--ndjson", call.ndjson),
        ("--output", call.output.is_some()),
        ("--fail-unless", call.fail_unless.is_some()),
        ("--pretty", call.pretty),
        ("--sort-keys", call.sort_keys),
    ];
    let not_together = [
        ("--batch", &["--paginate", "--wait", "--extract"][..]),
        ("--paginate", &["--wait", "--extract"]),
        // --extract prints the names of files.
        ("--extract", &["--jq", "--ndjson", "--output", "--fail-unless", "--pretty", "--sort-keys"]),
    ];
    let is_given = |flag: &str| given.iter().any(|(name, given)| *name == flag && *given);
    for (flag, others) in not_together {
        if let Some(other) = others.iter().find(|other| is_given(flag) && is_given(other)) {
            return Err(Error::usage(format!("`{other}` cannot go with `{flag}`")));
        }
    }
    // The results of a filter may take several lines.
    if call.ndjson && call.pretty && call.jq.is_none() {
        return Err(Error::usage("`--pretty` cannot go with `--ndjson`, which has one item on each line"));
    }
    Ok(())
}

/// An export takes time, so its target folder is checked first.
fn refuse_no_folder(folder: &Path) -> Result<()> {
    match folder.ancestors().find(|path| path.exists()) {
        Some(there) if !there.is_dir() => {
            Err(Error::usage(format!("`{}` is a file, where a directory is needed", there.display())))
        }
        _ => Ok(()),
    }
}

/// The request, and warnings about it.
async fn request(context: Context<'_>, call: &cli::Call) -> Result<(ApiRequest, Vec<String>)> {
    let (typed_method, path) = method_and_path(call)?;
    let variable = context.world.var("LOKALISE_PROJECT_ID");
    let id = call.project.as_deref().or(variable.as_deref());
    let mut target = target(path, &context.settings.api_url, Project { id, branch: call.branch.as_deref() })?;
    let headers = headers(&call.headers)?;
    let mut pairs = call.query.iter().map(|typed| fields::pair(typed)).collect::<Result<Vec<_>>>()?;
    let (input, fields) = inputs(context.world, call).await?;
    let has_body = input.is_some() || !fields.is_empty();
    let method = typed_method.unwrap_or(if has_body { Method::POST } else { Method::GET });
    if input.is_some() && method == Method::HEAD {
        return Err(Error::usage("a HEAD request has no body for --input").hint("leave out --input, or use GET"));
    }
    let in_query = input.is_some() || matches!(method, Method::GET | Method::HEAD);
    let body = match input {
        _ if in_query => {
            pairs.extend(fields.into_query()?);
            input.map(|source| RequestBody { parts: vec![BodyPart::Raw(source)] })
        }
        _ if fields.is_empty() => None,
        _ => Some(fields.into_body()?),
    };
    add_query(&mut target.url, pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let request = ApiRequest::new(method, target, headers, body);
    let mut warnings = request.unknown_parameters(pairs.iter().map(|(key, _)| key.as_str()));
    warnings.extend(call.fields.0.iter().filter_map(fields::FieldArgument::doubt));
    Ok((request, warnings))
}

/// The method, if one was typed, and the path.
fn method_and_path(call: &cli::Call) -> Result<(Option<Method>, &str)> {
    let first = call.method_or_path.as_str();
    match (&call.method, &call.path) {
        (_, Some(limit)) if call.wait.is_some() && humantime::parse_duration(limit).is_ok() => {
            Err(Error::usage(format!("`{limit}` is not a path")).hint(format!("a limit is written `--wait={limit}`")))
        }
        (Some(_), Some(_)) if method(first).is_ok() => {
            Err(Error::usage("the method is given twice: with -X and in front of the path")
                .hint("leave one of them out"))
        }
        (Some(_), Some(_)) => Err(Error::usage("there are two paths").hint("a call is `call -X METHOD PATH`")),
        (None, Some(path)) => Ok((Some(method(first)?), path)),
        (_, None) if method(first).is_ok() => {
            Err(Error::usage("the path is missing").hint("for example: `lokalise-auth call GET /projects`"))
        }
        (typed, None) => Ok((typed.as_deref().map(method).transpose()?, first)),
    }
}

/// The body of `--input`, and the fields with the files that they name.
async fn inputs(world: &World, call: &cli::Call) -> Result<(Option<ByteSource>, Fields)> {
    let is_stdin = call.input.as_ref().is_some_and(|path| path.as_os_str() == "-");
    let reads_stdin = is_stdin || call.fields.0.iter().any(FieldArgument::reads_stdin);
    let stdin = if reads_stdin {
        world.step("reading standard input");
        Some(input::stdin().await?)
    } else {
        None
    };
    let mut inputs = Inputs::new(stdin);
    let input = match &call.input {
        Some(path) => {
            refuse_no_file_name(path)?;
            Some(inputs.source(&path.to_string_lossy())?)
        }
        None => None,
    };
    Ok((input, Fields::read(&call.fields.0, &mut inputs)?))
}

/// `--input` takes the name of a file. A value in the form of another program gets a hint, and is not repeated, since
/// it is data.
fn refuse_no_file_name(path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    match text.strip_prefix('@') {
        _ if path.exists() => Ok(()),
        _ if is_json => Err(Error::usage("--input takes the name of a file, and this is JSON")
            .hint("pipe it in with `--input -`, or give each field with -f or -F")),
        Some(name) => Err(Error::usage(format!("no such file: `{text}`"))
            .hint(format!("--input takes a name without `@`: `--input {}`", shell::quote(name)))),
        None => Ok(()),
    }
}

fn batches(batch: &Batch, request: &ApiRequest) -> Result<Vec<RequestBody>> {
    let body = request
        .body
        .as_ref()
        .ok_or_else(|| Error::usage("--batch needs a body to cut").hint("give it with --input, or with -f and -F"))?;
    if body.length() > MAX_HELD_BYTES as u64 {
        return Err(Error::other("the body is longer than the 512 MiB that --batch holds")
            .hint("cut it into files, and send each with --batch"));
    }
    let body = body.bytes().map_err(|error| Error::usage("the body cannot be read").because(error))?;
    let body = match &body[..] {
        // Spreadsheets and PowerShell write UTF-16. UTF-8 is sent as it is.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => text::decode(&body)
            .map(|text| text.as_bytes().to_vec())
            .map_err(|_| Error::usage("the body begins as UTF-16 and is not UTF-16"))?,
        _ => body,
    };
    Ok(batch.cut(&body)?.into_iter().map(RequestBody::of).collect())
}

/// The asynchronous line for a synchronous export, with everything else that was typed.
fn async_export(call: &cli::Call, request: &ApiRequest) -> Option<String> {
    let endpoint = request.endpoint()?;
    if endpoint.path != "/api2/projects/{project_id}/files/download" {
        return None;
    }
    let path = request.path.strip_prefix("/api2")?.strip_suffix("download")?;
    let mut words = ["lokalise-auth", "call", "POST"].map(str::to_owned).to_vec();
    words.push(format!("{path}async-download"));
    for field in &call.fields.0 {
        let (flag, text) = match field {
            FieldArgument::Raw(text) => ("-f", text),
            FieldArgument::Magic(text) => ("-F", text),
        };
        words.extend([flag.to_owned(), text.clone()]);
    }
    for pair in &call.query {
        words.extend(["--query".to_owned(), pair.clone()]);
    }
    if let Some(input) = &call.input {
        words.extend(["--input".to_owned(), input.display().to_string()]);
    }
    words.push(match call.wait {
        Some(limit) => format!("--wait={}", humantime::format_duration(limit)).replace(' ', ""),
        None => "--wait".to_owned(),
    });
    if let Some(folder) = &call.extract {
        words.extend(["--extract".to_owned(), folder.display().to_string()]);
    }
    Some(words.iter().map(|word| shell::quote(word)).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
