//! What can go wrong, what the reader can do about it, and the exit codes:
//! one table, which `help exit-codes` prints and scripts rely on.

use std::fmt;

/// The kinds of failure, by what the reader can do about them. Each kind is one exit code and one `code` in JSON
/// errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// None of the others.
    Other,
    /// The command line, a variable or an input is invalid.
    Usage,
    /// The credential store or the configuration cannot be used.
    Store,
    /// There is no credential, it was rejected, or the login was refused.
    NotLoggedIn,
    /// HTTP 403.
    NotAllowed,
    /// HTTP 404.
    NotFound,
    /// HTTP 429 after all the waiting that was allowed.
    RateLimited,
    /// HTTP 5xx.
    Server,
    /// No answer came: DNS, TCP, TLS, proxy, time-out, a body cut short.
    Network,
    /// Any other 3xx or 4xx, or a 2xx that carries errors.
    Refused,
    /// An awaited process failed, was cancelled, or did not end in time.
    Process,
    /// `--fail-unless` was false.
    GateFalse,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM or SIGHUP.
    Terminated,
}

/// The row of the exit-code table for one kind.
pub struct ExitRow {
    pub kind: ErrorKind,
    /// The process's exit code.
    pub code: u8,
    /// The value of `{"error":{"code":…}}`.
    pub name: &'static str,
    /// Its meaning for a script.
    pub meaning: &'static str,
}

const fn row(kind: ErrorKind, code: u8, name: &'static str, meaning: &'static str) -> ExitRow {
    ExitRow { kind, code, name, meaning }
}

/// All kinds of failure, by exit code. 0, which means success, has no row.
pub const EXIT_CODES: &[ExitRow] = &[
    row(ErrorKind::Other, 1, "failed", "any other failure"),
    row(ErrorKind::Usage, 2, "usage", "wrong usage"),
    row(ErrorKind::Store, 3, "store", "store or config cannot be used"),
    row(ErrorKind::NotLoggedIn, 4, "not_logged_in", "not logged in, credential rejected, login refused"),
    row(ErrorKind::NotAllowed, 5, "not_allowed", "not allowed (403)"),
    row(ErrorKind::NotFound, 6, "not_found", "not found (404)"),
    row(ErrorKind::RateLimited, 7, "rate_limited", "rate limited after waiting (429)"),
    row(ErrorKind::Server, 8, "server", "server failed (5xx)"),
    row(ErrorKind::Network, 9, "network", "network, TLS, timeout"),
    row(ErrorKind::Refused, 10, "refused", "request refused as invalid (other 3xx/4xx, partial errors)"),
    row(ErrorKind::Process, 11, "process", "awaited process failed, was cancelled, or did not end in time"),
    row(ErrorKind::GateFalse, 12, "gate_false", "`--fail-unless` was false"),
    row(ErrorKind::Interrupted, 130, "interrupted", "interrupted (Ctrl-C)"),
    row(ErrorKind::Terminated, 143, "terminated", "terminated"),
];

impl ErrorKind {
    /// This kind's row of the exit-code table.
    pub fn row(self) -> &'static ExitRow {
        EXIT_CODES.iter().find(|row| row.kind == self).expect("every kind has a row; a test holds it")
    }

    /// The kind of failure for an HTTP status outside 2xx.
    pub fn from_status(status: u16) -> Self {
        match status {
            401 => Self::NotLoggedIn,
            403 => Self::NotAllowed,
            404 => Self::NotFound,
            429 => Self::RateLimited,
            500..=599 => Self::Server,
            _ => Self::Refused,
        }
    }
}

/// A failure on its way to the reader: what failed, why, and what to do next.
/// Messages are lower case, without a full stop, and never hold a secret.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    /// What failed. Text from a server is escaped only when it is printed.
    pub message: String,
    /// The causes, outermost first.
    pub cause: Option<anyhow::Error>,
    /// Next steps, each a sentence or a command that works as pasted.
    pub hints: Vec<String>,
    /// The HTTP status, when a server's answer is the failure.
    pub status: Option<u16>,
    /// Lokalise's `X-Lokalise-Process-Id`, for support.
    pub request_id: Option<String>,
}

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: None, hints: Vec::new(), status: None, request_id: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub fn store(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, message)
    }

    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    pub fn network(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Network, message)
    }

    /// A write to stdout failed. A reader that has gone is not a failure: see [`Error::is_closed_pipe`].
    pub fn stdout(error: std::io::Error) -> Self {
        Self::other("stdout cannot be written").because(error)
    }

    /// Whether the reader of stdout has gone, as with `| head`.
    pub fn is_closed_pipe(&self) -> bool {
        self.cause
            .as_ref()
            .and_then(|cause| cause.downcast_ref::<std::io::Error>())
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// Adds a next step. It must work here, in this mode, as pasted.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the cause. Causes that may quote a secret stay out.
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The exit code, from the kind alone.
    pub fn exit_code(&self) -> u8 {
        self.kind.row().code
    }
}

/// What failed and its causes on one line. Hints are printed separately.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut before = String::new();
        for cause in self.cause.iter().flat_map(|cause| cause.chain()) {
            let cause = cause.to_string();
            // Some errors quote their cause, and have it as their source as well.
            if !before.ends_with(&cause) {
                write!(f, ": {cause}")?;
            }
            before = cause;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_ascend_and_every_name_is_used_once() {
        let codes: Vec<u8> = EXIT_CODES.iter().map(|row| row.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        let mut names: Vec<&str> = EXIT_CODES.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EXIT_CODES.len());
    }

    #[test]
    fn a_status_has_the_exit_code_of_the_contract() {
        for (status, code) in
            [(302, 10), (400, 10), (401, 4), (403, 5), (404, 6), (422, 10), (429, 7), (500, 8), (503, 8)]
        {
            assert_eq!(ErrorKind::from_status(status).row().code, code, "HTTP {status}");
        }
    }
}
