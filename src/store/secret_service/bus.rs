//! Calls to the Secret Service over D-Bus. Each ends within the command's deadline, and a
//! prompt that is not answered by then is dismissed.

use std::time::Duration;

use dbus::arg::{AppendAll, Arg, Get, ReadAll, Variant};
use dbus::channel::Channel;
use dbus::strings::Path;
use dbus::{Error, Message};

use super::super::{Deadline, StoreError};

/// The name under which a program on the bus offers the Secret Service.
pub const SERVICE: &str = "org.freedesktop.secrets";

const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What dismissing a prompt may take.
const DISMISS_TIMEOUT: Duration = Duration::from_millis(200);

/// How a prompt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptResult {
    Done,
    Dismissed,
}

/// A connection to the session bus.
pub struct Bus(Channel);

impl Bus {
    /// Connects to one of the addresses in a list as `DBUS_SESSION_BUS_ADDRESS` holds it.
    pub fn connect(addresses: &str) -> Result<Self, StoreError> {
        let connected = Channel::open_private(addresses).and_then(|mut channel| {
            channel.register()?;
            Ok(channel)
        });
        connected.map(Self).map_err(|error| StoreError::Unavailable(one_line(&error)))
    }

    /// Calls a method of the service.
    pub fn call<R: ReadAll>(
        &self,
        path: &Path<'_>,
        method: (&str, &str),
        arguments: impl AppendAll,
        deadline: Deadline,
    ) -> Result<R, StoreError> {
        self.try_call(path, method, arguments, deadline).map_err(|error| store_error(&error, deadline))
    }

    /// The same with the bus's own error.
    pub fn try_call<R: ReadAll>(
        &self,
        path: &Path<'_>,
        (interface, member): (&str, &str),
        arguments: impl AppendAll,
        deadline: Deadline,
    ) -> Result<R, Error> {
        let message = Message::call_with_args(SERVICE, path, interface, member, arguments);
        self.0.send_with_reply_and_block(message, deadline.left())?.read_all()
    }

    /// Reads a property of an object of the service.
    pub fn property<T: Arg + for<'a> Get<'a>>(
        &self,
        path: &Path<'_>,
        (interface, name): (&str, &str),
        deadline: Deadline,
    ) -> Result<T, StoreError> {
        let (value,): (Variant<T>,) = self.call(path, (PROPERTIES, "Get"), (interface, name), deadline)?;
        Ok(value.0)
    }

    /// Shows a prompt of the service and waits until somebody has answered it. The path `/` is no prompt.
    ///
    /// # Errors
    /// [`StoreError::PromptUnanswered`] at the deadline; then the prompt is dismissed, so that the prompts of many
    /// commands do not pile up on the screen.
    pub fn prompt(&self, path: &Path<'_>, deadline: Deadline) -> Result<PromptResult, StoreError> {
        if is_nothing(path) {
            return Ok(PromptResult::Done);
        }
        for rule in [
            format!("type='signal',interface='{PROMPT}',member='Completed'"),
            format!("type='signal',member='NameOwnerChanged',arg0='{SERVICE}'"),
        ] {
            self.listen_for(rule, deadline)?;
        }
        // The first argument is a window to show the prompt above; we have none. KeePassXC may answer this call only
        // when its dialog is closed.
        match self.call::<()>(path, (PROMPT, "Prompt"), ("",), deadline) {
            Ok(()) | Err(StoreError::TimedOut(_)) => {}
            Err(error) => return Err(error),
        }
        while !deadline.left().is_zero() {
            let message =
                self.0.blocking_pop_message(deadline.left()).map_err(|error| store_error(&error, deadline))?;
            let Some(message) = message else { continue };
            if message.path().as_ref() == Some(path) && is_signal(&message, "Completed") {
                let dismissed = message.read1::<bool>().unwrap_or(true);
                return Ok(if dismissed { PromptResult::Dismissed } else { PromptResult::Done });
            }
            if is_signal(&message, "NameOwnerChanged") && message.get3::<&str, &str, &str>().2 == Some("") {
                return Err(StoreError::Unavailable("its program ended during the prompt".to_owned()));
            }
        }
        let message = Message::call_with_args(SERVICE, path, PROMPT, "Dismiss", ());
        let _ = self.0.send_with_reply_and_block(message, DISMISS_TIMEOUT);
        Err(StoreError::PromptUnanswered(deadline.limit))
    }

    fn listen_for(&self, rule: String, deadline: Deadline) -> Result<(), StoreError> {
        let path = "/org/freedesktop/DBus";
        let message =
            Message::call_with_args("org.freedesktop.DBus", path, "org.freedesktop.DBus", "AddMatch", (rule,));
        let added = self.0.send_with_reply_and_block(message, deadline.left());
        added.map(drop).map_err(|error| store_error(&error, deadline))
    }
}

/// The Secret Service's path for "no such object" and "no prompt is needed".
pub fn is_nothing(path: &Path<'_>) -> bool {
    &**path == "/"
}

fn is_signal(message: &Message, member: &str) -> bool {
    message.member().is_some_and(|name| &*name == member)
}

/// What an error of the bus or of the service means for the reader.
pub fn store_error(error: &Error, deadline: Deadline) -> StoreError {
    let (name, why) = (error.name().unwrap_or_default(), one_line(error));
    let lower = why.to_lowercase();
    match name.rsplit('.').next().unwrap_or_default() {
        // The bus gives this error too when the other side has gone.
        "NoReply" if lower.contains("disconnected") => StoreError::Unavailable("its program has ended".to_owned()),
        "NoReply" | "Timeout" | "TimedOut" => StoreError::TimedOut(deadline.limit),
        "IsLocked" => StoreError::Locked(why),
        "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => StoreError::Denied(why),
        _ if lower.contains("rejected send message") => StoreError::Denied(why),
        _ => StoreError::Unavailable(why),
    }
}

fn one_line(error: &Error) -> String {
    // After a semicolon the bus lists its rules, which help nobody.
    let text = error.message().unwrap_or("the bus gave no reason").split(';').next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn an_error_of_the_bus_says_what_the_reader_can_do() {
        let deadline = Deadline { at: Instant::now(), limit: Duration::from_secs(5) };
        let of = |name: &str, text: &str| store_error(&Error::new_custom(name, text), deadline);
        let bus = "org.freedesktop.DBus.Error";
        assert!(matches!(
            of(&format!("{bus}.NoReply"), "Did not receive a reply."),
            StoreError::TimedOut(limit) if limit == deadline.limit
        ));
        assert!(matches!(
            of(&format!("{bus}.NoReply"), "Message recipient disconnected from message bus without replying"),
            StoreError::Unavailable(_)
        ));
        assert!(matches!(of("org.freedesktop.Secret.Error.IsLocked", "locked"), StoreError::Locked(_)));
        assert!(matches!(of(&format!("{bus}.AccessDenied"), "Rejected send message"), StoreError::Denied(_)));
        assert!(matches!(of(&format!("{bus}.ServiceUnknown"), "not provided"), StoreError::Unavailable(_)));
        let StoreError::Denied(why) = of(&format!("{bus}.AccessDenied"), "Rejected  send\nmessage, 2 rules; type=")
        else {
            panic!("a refusal")
        };
        assert_eq!(why, "Rejected send message, 2 rules");
    }
}
