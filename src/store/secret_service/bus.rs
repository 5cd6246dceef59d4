//! Calls to the Secret Service over D-Bus. Each ends within the command's deadline, and a
//! prompt that is not answered by then is dismissed.

use std::time::Duration;

use dbus::arg::{AppendAll, Arg, Get, ReadAll, Variant};
use dbus::channel::Channel;
use dbus::strings::Path;
use dbus::{Error, Message};

use super::super::shown_prompt::ShownPrompt;
use super::super::{Deadline, StoreError};

/// The name under which a program on the bus offers the Secret Service.
pub const SERVICE: &str = "org.freedesktop.secrets";

const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The longest wait for the reply when a prompt is dismissed.
const DISMISS_TIMEOUT: Duration = Duration::from_millis(200);

/// How often we check, while a prompt is shown, whether the command has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How a prompt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptResult {
    Done,
    Dismissed,
}

/// A connection to the session bus.
pub struct Bus {
    channel: Channel,
    shown: ShownPrompt,
}

impl Bus {
    /// Connects to one of the addresses in a list as `DBUS_SESSION_BUS_ADDRESS` holds it.
    pub fn connect(addresses: &str, shown: ShownPrompt) -> Result<Self, StoreError> {
        let connected = Channel::open_private(addresses).and_then(|mut channel| {
            channel.register()?;
            Ok(channel)
        });
        let channel = connected.map_err(|error| StoreError::Unavailable(one_line(&error)))?;
        Ok(Self { channel, shown })
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
        self.channel.send_with_reply_and_block(message, deadline.left())?.read_all()
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

    /// Shows a prompt of the service and waits until a person has answered it. The path `/` means "no prompt".
    ///
    /// # Errors
    /// [`StoreError::PromptUnanswered`] at the deadline, or when the command ends early. The prompt is then dismissed, so
    /// that the prompts of many commands do not pile up on the screen.
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
        let unanswered = || StoreError::PromptUnanswered(deadline.limit);
        let _on_screen = self.shown.show().ok_or_else(unanswered)?;
        // The first argument is a window to show the prompt above; we have none. The reply is not waited for: KeePassXC
        // may send it only when its dialog is closed.
        let request = Message::call_with_args(SERVICE, path, PROMPT, "Prompt", ("",));
        let request =
            self.channel.send(request).map_err(|()| StoreError::Unavailable("the bus has ended".to_owned()))?;
        while !deadline.left().is_zero() && !self.shown.is_given_up() {
            let wait = deadline.left().min(POLL_INTERVAL);
            let message = self.channel.blocking_pop_message(wait).map_err(|error| store_error(&error, deadline))?;
            let Some(mut message) = message else { continue };
            if message.get_reply_serial() == Some(request)
                && let Err(error) = message.as_result()
            {
                return Err(store_error(&error, deadline));
            }
            if message.path().as_ref() == Some(path) && is_signal(&message, "Completed") {
                let dismissed = message.read1::<bool>().unwrap_or(true);
                return Ok(if dismissed { PromptResult::Dismissed } else { PromptResult::Done });
            }
            if is_signal(&message, "NameOwnerChanged") && message.get3::<&str, &str, &str>().2 == Some("") {
                return Err(StoreError::Unavailable("its program ended during the prompt".to_owned()));
            }
        }
        let message = Message::call_with_args(SERVICE, path, PROMPT, "Dismiss", ());
        let _ = self.channel.send_with_reply_and_block(message, DISMISS_TIMEOUT);
        Err(unanswered())
    }

    fn listen_for(&self, rule: String, deadline: Deadline) -> Result<(), StoreError> {
        let path = "/org/freedesktop/DBus";
        let message =
            Message::call_with_args("org.freedesktop.DBus", path, "org.freedesktop.DBus", "AddMatch", (rule,));
        let added = self.channel.send_with_reply_and_block(message, deadline.left());
        added.map(drop).map_err(|error| store_error(&error, deadline))
    }
}

/// The service has dropped the session that secrets are encrypted for.
pub const LOST_SESSION: &str = "it has lost the session with this program";

/// The Secret Service's path for "no such object" and "no prompt is needed".
pub fn is_nothing(path: &Path<'_>) -> bool {
    &**path == "/"
}

fn is_signal(message: &Message, member: &str) -> bool {
    message.member().is_some_and(|name| &*name == member)
}

/// An error of the bus or of the service as ours.
pub fn store_error(error: &Error, deadline: Deadline) -> StoreError {
    let (name, why) = (error.name().unwrap_or_default(), one_line(error));
    let lower = why.to_lowercase();
    match name.rsplit('.').next().unwrap_or_default() {
        // The bus gives this error too when the other side has gone.
        "NoReply" if lower.contains("disconnected") => StoreError::Unavailable("its program has ended".to_owned()),
        "NoReply" | "Timeout" | "TimedOut" => StoreError::TimedOut(deadline.limit),
        "IsLocked" => StoreError::Locked(why),
        "NoSession" => StoreError::Unavailable(LOST_SESSION.to_owned()),
        _ if lower.contains("find session") => StoreError::Unavailable(LOST_SESSION.to_owned()),
        "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => StoreError::Denied(why),
        _ if lower.contains("rejected send message") => StoreError::Denied(why),
        _ => StoreError::Unavailable(why),
    }
}

fn one_line(error: &Error) -> String {
    // After a semicolon the bus lists its rules, which do not help a reader.
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
        let kwallet = "Can't find session /org/freedesktop/secrets/session/1";
        for name in ["org.freedesktop.Secret.Error.NoSession", "org.freedesktop.DBus.Error.Failed"] {
            assert!(matches!(of(name, kwallet), StoreError::Unavailable(why) if why == LOST_SESSION));
        }
        let StoreError::Denied(why) = of(&format!("{bus}.AccessDenied"), "Rejected  send\nmessage, 2 rules; type=")
        else {
            panic!("a refusal")
        };
        assert_eq!(why, "Rejected send message, 2 rules");
    }
}
