//! The keyring on Linux: the Secret Service of freedesktop.org, as GNOME Keyring, KWallet and
//! KeePassXC offer it. Before a search, the collections are asked whether they are locked: a search may
//! hide locked items or wait for a dialog.

mod bus;
mod transport;

use std::cell::OnceCell;
use std::collections::HashMap;

use dbus::arg::{PropMap, RefArg, Variant};
use dbus::strings::Path;
use zeroize::Zeroizing;

use super::keyring::{SERVICE, account};
use super::shown_prompt::ShownPrompt;
use super::{Backend, BusAddress, Deadline, StoreError};
use crate::names::ProfileName;

use bus::{Bus, LOST_SESSION, PromptResult, is_nothing};
use transport::{Sealed, Transport};

const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";

/// The most bytes of a record. The services themselves take megabytes.
const MAX_RECORD_BYTES: usize = 60_000;

/// The most connections that one call may need.
const MAX_CONNECTIONS: usize = 3;

const UNDECRYPTABLE: &str = "it cannot be decrypted";

fn service_path() -> Path<'static> {
    Path::from("/org/freedesktop/secrets")
}

/// The store. It connects with its first call.
pub struct SecretService {
    address: BusAddress,
    suffix: Option<String>,
    prompt: ShownPrompt,
    connection: Option<ServiceConnection>,
}

impl SecretService {
    pub fn new(address: BusAddress, suffix: Option<String>, prompt: ShownPrompt) -> Self {
        Self { address, suffix, prompt, connection: None }
    }

    fn connection(&mut self) -> Result<&ServiceConnection, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            unconnected => Ok(unconnected.insert(ServiceConnection::new(&self.address, &self.prompt)?)),
        }
    }

    fn account(&self, profile: &ProfileName) -> String {
        account(profile, self.suffix.as_deref())
    }

    /// Runs a call, and again over a new connection if the service has lost or confused its session. A busy KWallet
    /// does so while other programs connect and disconnect.
    fn with_session<T>(&mut self, call: impl Fn(&ServiceConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        for _ in 1..MAX_CONNECTIONS {
            match call(self.connection()?) {
                Err(StoreError::Corrupt(why)) if why == UNDECRYPTABLE => self.connection = None,
                Err(StoreError::Unavailable(why)) if why == LOST_SESSION => self.connection = None,
                result => return result,
            }
        }
        call(self.connection()?)
    }
}

impl Backend for SecretService {
    fn read(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<Option<Zeroizing<String>>, StoreError> {
        let account = self.account(profile);
        self.with_session(|connection| {
            let Some(item) = connection.find(&account, deadline)? else { return Ok(None) };
            let secret = match connection.secret(&item, deadline) {
                // Another process may have removed the item since it was found.
                Err(_) if connection.find(&account, deadline)?.is_none() => return Ok(None),
                secret => secret?,
            };
            match std::str::from_utf8(&secret) {
                Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
                Err(_) => Err(StoreError::Corrupt("it is not text".to_owned())),
            }
        })
    }

    fn write(&mut self, profile: &ProfileName, record: &str, deadline: Deadline) -> Result<(), StoreError> {
        if record.len() > MAX_RECORD_BYTES {
            return Err(StoreError::TooLarge { size: record.len(), limit: MAX_RECORD_BYTES });
        }
        let account = self.account(profile);
        self.with_session(|connection| {
            let sealed = connection.transport(deadline)?.seal(record.as_bytes())?;
            match connection.find(&account, deadline)? {
                Some(item) => connection.bus.call(&item, (ITEM, "SetSecret"), (sealed,), deadline),
                None => connection.create(&format!("lokalise-auth ({profile})"), &account, sealed, deadline),
            }
        })
    }

    fn delete(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<(), StoreError> {
        let account = self.account(profile);
        let connection = self.connection()?;
        let Some(item) = connection.find(&account, deadline)? else { return Ok(()) };
        let (prompt,): (Path<'static>,) = connection.bus.call(&item, (ITEM, "Delete"), (), deadline)?;
        match connection.bus.prompt(&prompt, deadline)? {
            PromptResult::Done => Ok(()),
            PromptResult::Dismissed => {
                Err(StoreError::Denied("its prompt to delete the item was dismissed".to_owned()))
            }
        }
    }

    /// Proves that there is an open collection and a transport to it. A throw-away item would prove more, but KeePassXC
    /// moves what is deleted to its recycle bin, where it stays.
    fn probe(&mut self, deadline: Deadline) -> Result<(), StoreError> {
        let connection = self.connection()?;
        connection.open_default_collection(deadline)?;
        connection.transport(deadline).map(drop)
    }

    /// KeePassXC does not list the items of a locked database.
    fn confirm_absence(&mut self, _: &ProfileName, deadline: Deadline) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let locked = connection.collections(deadline)?.into_iter().find(|collection| collection.locked);
        let Some(locked) = locked else { return Ok(()) };
        let label = connection.label(&locked, deadline);
        Err(StoreError::Locked(format!("the collection `{label}` is locked, and the record may be in it")))
    }
}

/// A collection of items: a keyring of GNOME, a wallet of KDE, a database of KeePassXC.
struct Collection {
    path: Path<'static>,
    is_default: bool,
    locked: bool,
}

/// The service on the bus. The whole command uses one connection, and so one key exchange.
struct ServiceConnection {
    bus: Bus,
    transport: OnceCell<Transport>,
}

impl ServiceConnection {
    fn new(address: &BusAddress, prompt: &ShownPrompt) -> Result<Self, StoreError> {
        match address {
            BusAddress::Known(address) => {
                Ok(Self { bus: Bus::connect(address, prompt.clone())?, transport: OnceCell::new() })
            }
            BusAddress::Unusable(why) => Err(StoreError::Unavailable((*why).to_owned())),
        }
    }

    fn transport(&self, deadline: Deadline) -> Result<&Transport, StoreError> {
        if let Some(transport) = self.transport.get() {
            return Ok(transport);
        }
        let transport = Transport::open(&self.bus, deadline)?;
        Ok(self.transport.get_or_init(|| transport))
    }

    /// The collections, the default one first.
    fn collections(&self, deadline: Deadline) -> Result<Vec<Collection>, StoreError> {
        let default = self.default_collection(deadline)?;
        let others: Vec<Path<'static>> =
            self.bus.property(&service_path(), (SERVICE_INTERFACE, "Collections"), deadline)?;
        let others = others.into_iter().filter(|path| Some(path) != default.as_ref());
        let paths = default.iter().cloned().chain(others);
        let collection = |path: Path<'static>| {
            let locked = self.bus.property(&path, (COLLECTION, "Locked"), deadline)?;
            Ok(Collection { is_default: Some(&path) == default.as_ref(), path, locked })
        };
        paths.map(collection).collect()
    }

    fn default_collection(&self, deadline: Deadline) -> Result<Option<Path<'static>>, StoreError> {
        let (path,): (Path<'static>,) =
            self.bus.call(&service_path(), (SERVICE_INTERFACE, "ReadAlias"), ("default",), deadline)?;
        Ok(Some(path).filter(|path| !is_nothing(path)))
    }

    /// The collection that new items go to, unlocked.
    fn open_default_collection(&self, deadline: Deadline) -> Result<Path<'static>, StoreError> {
        let Some(path) = self.default_collection(deadline)? else { return Err(StoreError::NoCollection) };
        let locked = self.bus.property(&path, (COLLECTION, "Locked"), deadline)?;
        let collection = Collection { path, is_default: true, locked };
        self.unlock_collection(&collection, deadline)?;
        Ok(collection.path)
    }

    /// The item of an account, unlocked. Each collection is searched by itself: with KeePassXC a search of the whole
    /// service may wait for a dialog that unlocks every database.
    fn find(&self, account: &str, deadline: Deadline) -> Result<Option<Path<'static>>, StoreError> {
        let collections = self.collections(deadline)?;
        let mut found = Vec::new();
        for collection in &collections {
            let items = match self.search(collection, account, deadline) {
                Err(StoreError::Locked(_) | StoreError::Unavailable(_)) if collection.locked => Vec::new(),
                items => items?,
            };
            found.extend(items.into_iter().map(|item| (item, collection)));
        }
        if found.is_empty()
            && let Some(default) = collections.iter().find(|collection| collection.is_default && collection.locked)
        {
            self.unlock_collection(default, deadline)?;
            found.extend(self.search(default, account, deadline)?.into_iter().map(|item| (item, default)));
        }
        match &found[..] {
            [] => Ok(None),
            [(item, collection)] => {
                self.unlock_item(item, collection, deadline)?;
                Ok(Some(item.clone()))
            }
            _ => Err(StoreError::Ambiguous),
        }
    }

    fn search(
        &self,
        collection: &Collection,
        account: &str,
        deadline: Deadline,
    ) -> Result<Vec<Path<'static>>, StoreError> {
        let (items,) =
            self.bus.call(&collection.path, (COLLECTION, "SearchItems"), (attributes(account),), deadline)?;
        Ok(items)
    }

    fn unlock_collection(&self, collection: &Collection, deadline: Deadline) -> Result<(), StoreError> {
        if collection.locked && self.unlock(&collection.path, deadline)? == PromptResult::Dismissed {
            let label = self.label(collection, deadline);
            return Err(StoreError::Locked(format!(
                "the collection `{label}` is locked, and its prompt was dismissed"
            )));
        }
        Ok(())
    }

    fn unlock_item(&self, item: &Path<'_>, collection: &Collection, deadline: Deadline) -> Result<(), StoreError> {
        let is_open = !collection.locked && !self.bus.property(item, (ITEM, "Locked"), deadline)?;
        if is_open || self.unlock(item, deadline)? == PromptResult::Done {
            return Ok(());
        }
        let label = self.label(collection, deadline);
        Err(StoreError::Locked(format!(
            "the record is locked in the collection `{label}`, and the prompt was dismissed"
        )))
    }

    /// Unlocks an item or a collection, through a prompt if the service needs one.
    fn unlock(&self, object: &Path<'_>, deadline: Deadline) -> Result<PromptResult, StoreError> {
        let (_, prompt): (Vec<Path<'static>>, Path<'static>) =
            self.bus.call(&service_path(), (SERVICE_INTERFACE, "Unlock"), (vec![object],), deadline)?;
        self.bus.prompt(&prompt, deadline)
    }

    /// The collection's name as people see it, for messages.
    fn label(&self, collection: &Collection, deadline: Deadline) -> String {
        let label = self.bus.property(&collection.path, (COLLECTION, "Label"), deadline);
        let label = label.ok().filter(|label: &String| !label.is_empty());
        label.unwrap_or_else(|| collection.path.rsplit('/').next().unwrap_or_default().to_owned())
    }

    fn secret(&self, item: &Path<'_>, deadline: Deadline) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let transport = self.transport(deadline)?;
        let (sealed,): (Sealed,) =
            self.bus.call(item, (ITEM, "GetSecret"), (transport.session().clone(),), deadline)?;
        transport.unseal(sealed).ok_or_else(|| StoreError::Corrupt(UNDECRYPTABLE.to_owned()))
    }

    fn create(&self, label: &str, account: &str, sealed: Sealed, deadline: Deadline) -> Result<(), StoreError> {
        let collection = self.open_default_collection(deadline)?;
        let property = |name: &str, value: Box<dyn RefArg>| (format!("{ITEM}.{name}"), Variant(value));
        let owned = attributes(account).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let properties = PropMap::from([
            property("Label", Box::new(label.to_owned())),
            property("Attributes", Box::new(owned.collect::<HashMap<String, String>>())),
        ]);
        let (_, prompt): (Path<'static>, Path<'static>) =
            self.bus.call(&collection, (COLLECTION, "CreateItem"), (properties, sealed, true), deadline)?;
        match self.bus.prompt(&prompt, deadline)? {
            PromptResult::Done => Ok(()),
            PromptResult::Dismissed => Err(StoreError::Denied("its prompt to keep the item was dismissed".to_owned())),
        }
    }
}

/// The attributes by which an item is found.
fn attributes(account: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", account)])
}
