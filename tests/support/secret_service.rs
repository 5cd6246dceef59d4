//! A Secret Service whose collections can be locked, hidden and prompted for, as KeePassXC does
//! it. Secrets travel plain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use dbus::Message;
use dbus::arg::{PropMap, RefArg, Variant};
use dbus::channel::Channel;
use dbus::strings::{ErrorName, Path};

const NAME: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";

/// A secret as it travels: session, initialisation vector, bytes, content type.
type Sealed = (Path<'static>, Vec<u8>, Vec<u8>, String);

/// What a person does when a prompt is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    Agrees,
    Cancels,
    Sleeps,
}

/// One item.
#[derive(Clone, Debug)]
pub struct Item {
    pub label: String,
    pub attributes: HashMap<String, String>,
    pub secret: Vec<u8>,
    /// Locked although its collection is open, as with a confirmation for each access.
    pub locked: bool,
}

/// A database, keyring or wallet.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    pub locked: bool,
    pub items: Vec<Item>,
}

/// What the service holds, and what it has been asked.
pub struct State {
    pub collections: HashMap<String, Collection>,
    pub default: Option<String>,
    pub person: Person,
    /// New items are locked: each access has to be confirmed.
    pub confirms_access: bool,
    /// How many of the next calls with a secret find no session.
    pub lost_sessions: u32,
    /// Items that were deleted.
    pub recycled: Vec<Item>,
    /// Prompts that have not ended: what each unlocks.
    pub prompts: HashMap<u32, Vec<String>>,
    pub made: u32,
    pub shown: u32,
    pub dismissed: u32,
}

/// The service, on a bus until it is dropped.
pub struct SecretService {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SecretService {
    /// A service with these collections, all open; the first one is the default.
    pub fn start(address: &str, collections: &[&str]) -> Self {
        let state = State {
            collections: collections.iter().map(|name| ((*name).to_owned(), Collection::default())).collect(),
            default: collections.first().map(|name| (*name).to_owned()),
            person: Person::Sleeps,
            confirms_access: false,
            lost_sessions: 0,
            recycled: Vec::new(),
            prompts: HashMap::new(),
            made: 0,
            shown: 0,
            dismissed: 0,
        };
        let (state, stop) = (Arc::new(Mutex::new(state)), Arc::new(AtomicBool::new(false)));
        let mut channel = Channel::open_private(address).expect("the bus can be reached");
        channel.register().expect("the bus lets us in");
        let request =
            Message::call_with_args("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", (NAME, 4_u32));
        channel.send_with_reply_and_block(request, Duration::from_secs(10)).expect("the name is free");
        let (its_state, its_stop) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !its_stop.load(Ordering::Relaxed) {
                let Ok(message) = channel.blocking_pop_message(Duration::from_millis(20)) else { return };
                for answer in message.iter().flat_map(|message| answers(message, &mut its_state.lock().expect("alive")))
                {
                    let _ = channel.send(answer);
                }
                channel.flush();
            }
        });
        Self { state, stop, thread: Some(thread) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the service lives")
    }

    /// Locks a collection, which then hides its items.
    pub fn lock(&self, collection: &str) {
        self.state().collections.get_mut(collection).expect("a collection").locked = true;
    }

    pub fn unlock(&self, collection: &str) {
        self.state().collections.get_mut(collection).expect("a collection").locked = false;
    }

    /// How many items a collection holds, locked or not.
    pub fn count(&self, collection: &str) -> usize {
        self.state().collections[collection].items.len()
    }
}

impl Drop for SecretService {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn path(parts: &[&str]) -> Path<'static> {
    Path::new(format!("{ROOT}/{}", parts.join("/"))).expect("a path")
}

fn collection_path(name: &str) -> Path<'static> {
    path(&["collection", name])
}

fn error(message: &Message, name: &str) -> Vec<Message> {
    vec![message.error(&ErrorName::new(name).expect("a name"), c"refused")]
}

/// The reply to a call, and the signals that follow from it.
fn answers(message: &Message, state: &mut State) -> Vec<Message> {
    let (Some(at), Some(member)) = (message.path(), message.member()) else { return Vec::new() };
    let below = at.strip_prefix(ROOT).unwrap_or_default().trim_matches('/').to_owned();
    let parts: Vec<&str> = below.split('/').collect();
    let reply = match (&parts[..], &*member) {
        ([""], "OpenSession") => match message.read1::<&str>() {
            Ok("plain") => message.return_with_args((Variant(String::new()), path(&["session", "1"]))),
            _ => return error(message, "org.freedesktop.DBus.Error.NotSupported"),
        },
        ([""], "ReadAlias") => {
            let default = state.default.as_deref().map_or_else(|| Path::from("/"), collection_path);
            message.return_with_args((default,))
        }
        ([""], "Unlock") => return unlock(message, state),
        (["collection", name], _) if state.collections.contains_key(*name) => {
            return of_collection(message, state, name);
        }
        (["collection", name, number], _) => return of_item(message, state, name, number),
        (["prompt", number], "Prompt") => return show(message, state, number.parse().expect("our own path")),
        (["prompt", number], "Dismiss") => {
            state.prompts.remove(&number.parse().expect("our own path"));
            state.dismissed += 1;
            message.method_return()
        }
        ([""], "Get") => {
            let names: Vec<Path<'static>> = state.collections.keys().map(|name| collection_path(name)).collect();
            message.return_with_args((Variant(names),))
        }
        _ => return error(message, "org.freedesktop.DBus.Error.UnknownMethod"),
    };
    vec![reply]
}

fn text(value: &dyn RefArg) -> String {
    value.as_str().expect("text").to_owned()
}

fn property(message: &Message) -> String {
    message.read2::<&str, &str>().map(|(_, name)| name.to_owned()).unwrap_or_default()
}

/// Whether the session of this call is lost.
fn loses_session(message: &Message, state: &mut State) -> bool {
    let has_secret =
        matches!(&*message.member().expect("a call has a member"), "CreateItem" | "GetSecret" | "SetSecret");
    let is_lost = has_secret && state.lost_sessions > 0;
    state.lost_sessions -= u32::from(is_lost);
    is_lost
}

fn of_collection(message: &Message, state: &mut State, name: &str) -> Vec<Message> {
    if loses_session(message, state) {
        return error(message, "org.freedesktop.Secret.Error.NoSession");
    }
    let confirms = state.confirms_access;
    let collection = state.collections.get_mut(name).expect("it was looked for");
    let reply = match &*message.member().expect("a call has a member") {
        "Get" => match property(message).as_str() {
            "Locked" => message.return_with_args((Variant(collection.locked),)),
            _ => message.return_with_args((Variant(format!("Label of {name}")),)),
        },
        "SearchItems" => {
            let wanted: HashMap<String, String> = message.read1().expect("attributes");
            let fits = |item: &Item| wanted.iter().all(|(key, value)| item.attributes.get(key) == Some(value));
            let items = collection.items.iter().enumerate().filter(|(_, item)| !collection.locked && fits(item));
            let paths: Vec<_> = items.map(|(number, _)| path(&["collection", name, &number.to_string()])).collect();
            message.return_with_args((paths,))
        }
        "CreateItem" if collection.locked => return error(message, "org.freedesktop.Secret.Error.IsLocked"),
        "CreateItem" => {
            let (properties, sealed) = message.get2::<PropMap, Sealed>();
            let (properties, sealed) = (properties.expect("properties"), sealed.expect("a secret"));
            let of = |name: &str| properties.iter().find(|(key, _)| key.ends_with(name)).expect("a property").1;
            let label = of("Label").0.as_str().expect("text").to_owned();
            let texts: Vec<String> = of("Attributes").0.as_iter().expect("a map").map(text).collect();
            let attributes = texts.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            collection.items.push(Item { label, attributes, secret: sealed.2, locked: confirms });
            let number = (collection.items.len() - 1).to_string();
            message.return_with_args((path(&["collection", name, &number]), Path::from("/")))
        }
        _ => return error(message, "org.freedesktop.DBus.Error.UnknownMethod"),
    };
    vec![reply]
}

fn of_item(message: &Message, state: &mut State, collection: &str, number: &str) -> Vec<Message> {
    if loses_session(message, state) {
        return error(message, "org.freedesktop.Secret.Error.NoSession");
    }
    let number: usize = number.parse().expect("our own path");
    let Some(collection) = state.collections.get_mut(collection) else { return Vec::new() };
    let locked = collection.locked;
    let Some(item) = collection.items.get_mut(number).filter(|_| !locked) else {
        return error(message, "org.freedesktop.Secret.Error.NoSuchObject");
    };
    let reply = match &*message.member().expect("a call has a member") {
        "Get" => message.return_with_args((Variant(item.locked),)),
        _ if item.locked => return error(message, "org.freedesktop.Secret.Error.IsLocked"),
        "GetSecret" => {
            let sealed = (path(&["session", "1"]), Vec::<u8>::new(), item.secret.clone(), "text/plain");
            message.return_with_args((sealed,))
        }
        "SetSecret" => {
            let sealed: Sealed = message.read1().expect("a secret");
            item.secret = sealed.2;
            message.method_return()
        }
        "Delete" => {
            state.recycled.push(collection.items.remove(number));
            message.return_with_args((Path::from("/"),))
        }
        _ => return error(message, "org.freedesktop.DBus.Error.UnknownMethod"),
    };
    vec![reply]
}

/// Everything that is locked needs a prompt.
fn unlock(message: &Message, state: &mut State) -> Vec<Message> {
    let objects: Vec<Path<'static>> = message.read1().expect("objects");
    state.made += 1;
    let number = state.made;
    state.prompts.insert(number, objects.iter().map(|path| path[ROOT.len() + 1..].to_owned()).collect());
    vec![message.return_with_args((Vec::<Path<'static>>::new(), path(&["prompt", &number.to_string()])))]
}

fn show(message: &Message, state: &mut State, number: u32) -> Vec<Message> {
    let mut messages = vec![message.method_return()];
    state.shown += 1;
    if state.person == Person::Sleeps {
        return messages;
    }
    let agrees = state.person == Person::Agrees;
    for object in state.prompts.remove(&number).unwrap_or_default().iter().filter(|_| agrees) {
        match object.split('/').collect::<Vec<_>>()[..] {
            ["collection", name] => state.collections.get_mut(name).expect("a collection").locked = false,
            ["collection", name, item] => {
                let items = &mut state.collections.get_mut(name).expect("a collection").items;
                items[item.parse::<usize>().expect("our own path")].locked = false;
            }
            _ => {}
        }
    }
    let at = path(&["prompt", &number.to_string()]);
    let result = Variant(Box::new(String::new()) as Box<dyn RefArg>);
    let signal = Message::new_signal(&*at, "org.freedesktop.Secret.Prompt", "Completed").expect("a signal");
    messages.push(signal.append2(!agrees, result));
    messages
}
