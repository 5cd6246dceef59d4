//! How secrets travel over the bus: encrypted with a key of this connection
//! (`dh-ietf1024-sha256-aes128-cbc-pkcs7` of the Secret Service specification), or plain
//! where the service knows nothing else.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use dbus::arg::{RefArg, Variant, cast};
use dbus::strings::Path;
use num_bigint::BigUint;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::super::{Deadline, StoreError};
use super::bus::{Bus, store_error};
use super::{SERVICE_INTERFACE, service_path};

const ENCRYPTED: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

/// The prime of RFC 2409 §6.2 (Second Oakley Group); the generator is 2.
const PRIME: [u8; 128] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34, 0xc4, 0xc6, 0x62,
    0x8b, 0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67, 0xcc, 0x74, 0x02, 0x0b, 0xbe, 0xa6, 0x3b, 0x13,
    0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd, 0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30,
    0x2b, 0x0a, 0x6d, 0xf2, 0x5f, 0x14, 0x37, 0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45, 0xe4, 0x85, 0xb5, 0x76,
    0x62, 0x5e, 0x7e, 0xc6, 0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x37, 0xed, 0x6b, 0x0b, 0xff, 0x5c, 0xb6, 0xf4, 0x06, 0xb7,
    0xed, 0xee, 0x38, 0x6b, 0xfb, 0x5a, 0x89, 0x9f, 0xa5, 0xae, 0x9f, 0x24, 0x11, 0x7c, 0x4b, 0x1f, 0xe6, 0x49, 0x28,
    0x66, 0x51, 0xec, 0xe6, 0x53, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

const BLOCK: usize = 16;

/// How many sessions are opened until both sides must read the shared secret alike.
const MAX_SESSIONS: usize = 4;

type Key = Zeroizing<[u8; BLOCK]>;
type SharedSecret = Zeroizing<[u8; PRIME.len()]>;

/// A secret as it travels: the session's path, the initialisation vector, the bytes, and their content type.
pub type Sealed = (Path<'static>, Vec<u8>, Vec<u8>, String);

/// The transport that this connection has agreed on with the service.
pub struct Transport {
    session: Path<'static>,
    /// `None`: secrets travel plain.
    key: Option<Key>,
}

impl Transport {
    /// Agrees on a key with the service. KWallet drops zero bytes at the beginning of the shared secret and GNOME Keyring
    /// keeps them. One secret in 256 begins so: then another session is opened.
    pub fn open(bus: &Bus, deadline: Deadline) -> Result<Self, StoreError> {
        for _ in 1..MAX_SESSIONS {
            if let Some(transport) = Self::open_session(bus, deadline, begins_with_zero)? {
                return Ok(transport);
            }
        }
        let last = Self::open_session(bus, deadline, |_| false)?;
        last.ok_or_else(|| StoreError::Unavailable("it opened no session".to_owned()))
    }

    /// `None` if the shared secret is one to `avoid`.
    fn open_session(
        bus: &Bus,
        deadline: Deadline,
        avoid: impl Fn(&SharedSecret) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        // An exponent of 256 bits is as strong as this group, and four times as fast as one of full length.
        let private = BigUint::from_bytes_be(&*random::<32>()?);
        let public = BigUint::from(2u8).modpow(&private, &BigUint::from_bytes_be(&PRIME));
        let open = |algorithm: &str, input: Box<dyn RefArg>| {
            bus.try_call::<(Variant<Box<dyn RefArg>>, Path<'static>)>(
                &service_path(),
                (SERVICE_INTERFACE, "OpenSession"),
                (algorithm, Variant(input)),
                deadline,
            )
        };
        match open(ENCRYPTED, Box::new(padded(&public).to_vec())) {
            Ok((output, session)) => {
                let theirs = cast::<Vec<u8>>(&output.0);
                let secret = theirs.and_then(|theirs| shared_secret(&private, theirs)).ok_or_else(|| {
                    StoreError::Unavailable("it sent no usable key for the encryption on the bus".to_owned())
                })?;
                Ok((!avoid(&secret)).then(|| Self { session, key: Some(key_of(&secret)) }))
            }
            Err(error) if error.name() == Some("org.freedesktop.DBus.Error.NotSupported") => {
                let plain = open("plain", Box::<String>::default());
                let (_, session) = plain.map_err(|error| store_error(&error, deadline))?;
                Ok(Some(Self { session, key: None }))
            }
            Err(error) => Err(store_error(&error, deadline)),
        }
    }

    pub fn session(&self) -> &Path<'static> {
        &self.session
    }

    pub fn seal(&self, secret: &[u8]) -> Result<Sealed, StoreError> {
        let (iv, bytes) = match &self.key {
            None => (Vec::new(), secret.to_vec()),
            Some(key) => {
                let iv = random::<BLOCK>()?;
                let cipher = cbc::Encryptor::<aes::Aes128>::new((&**key).into(), (&*iv).into());
                (iv.to_vec(), cipher.encrypt_padded_vec_mut::<Pkcs7>(secret))
            }
        };
        Ok((self.session.clone(), iv, bytes, "application/octet-stream".to_owned()))
    }

    /// The secret that was sealed; `None` if it was not sealed with this key.
    pub fn unseal(&self, (_, iv, bytes, _): Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let Some(key) = &self.key else { return Some(Zeroizing::new(bytes)) };
        let iv: [u8; BLOCK] = iv.try_into().ok()?;
        let cipher = cbc::Decryptor::<aes::Aes128>::new((&**key).into(), (&iv).into());
        cipher.decrypt_padded_vec_mut::<Pkcs7>(&bytes).ok().map(Zeroizing::new)
    }
}

#[expect(clippy::disallowed_methods, reason = "a store runs on a thread of its own, without a World")]
fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError> {
    let mut bytes = Zeroizing::new([0; N]);
    let filled = SystemRandom::new().fill(&mut *bytes);
    filled
        .map_err(|_| StoreError::Unavailable("the operating system's random generator does not answer".to_owned()))?;
    Ok(bytes)
}

/// A number of the group in full length. One in 256 begins with a zero byte; without it KWallet refuses a public key.
fn padded(number: &BigUint) -> SharedSecret {
    let bytes = Zeroizing::new(number.to_bytes_be());
    let mut padded = Zeroizing::new([0; PRIME.len()]);
    padded[PRIME.len() - bytes.len()..].copy_from_slice(&bytes);
    padded
}

fn begins_with_zero(secret: &SharedSecret) -> bool {
    secret[0] == 0
}

/// The secret that both sides compute (RFC 2631). `None` if theirs is not a public key of the group.
fn shared_secret(private: &BigUint, theirs: &[u8]) -> Option<SharedSecret> {
    let (prime, theirs) = (BigUint::from_bytes_be(&PRIME), BigUint::from_bytes_be(theirs));
    if theirs <= BigUint::from(1u8) || theirs >= &prime - 1u8 {
        return None;
    }
    Some(padded(&theirs.modpow(private, &prime)))
}

/// The key of AES-128 that is derived from the secret (RFC 5869).
fn key_of(secret: &SharedSecret) -> Key {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            BLOCK
        }
    }
    let mut key = Key::default();
    let material = Salt::new(HKDF_SHA256, &[]).extract(&**secret);
    material
        .expand(&[], Length)
        .and_then(|key_material| key_material.fill(&mut *key))
        .expect("16 bytes can be derived");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_compute_the_same_key() {
        let prime = BigUint::from_bytes_be(&PRIME);
        let [ours, theirs] = [random::<32>(), random::<32>()].map(|bytes| BigUint::from_bytes_be(&*bytes.unwrap()));
        let public = |private: &BigUint| BigUint::from(2u8).modpow(private, &prime).to_bytes_be();
        let secret = shared_secret(&ours, &public(&theirs)).unwrap();
        assert_eq!(key_of(&secret), key_of(&shared_secret(&theirs, &public(&ours)).unwrap()));
        for weak in [vec![], vec![0], vec![1], (&prime - 1u8).to_bytes_be(), PRIME.to_vec(), vec![0xff; 200]] {
            assert_eq!(shared_secret(&ours, &weak), None, "{weak:?}");
        }
    }

    #[test]
    fn a_number_of_the_group_has_its_full_length() {
        let small = padded(&BigUint::from(0x0102_u16));
        assert_eq!((small.len(), &small[125..]), (128, &[0, 1, 2][..]));
        assert_eq!(*padded(&BigUint::from_bytes_be(&PRIME)), PRIME);
        assert!(begins_with_zero(&small) && !begins_with_zero(&Zeroizing::new(PRIME)));
    }

    #[test]
    fn a_secret_comes_back_only_with_its_own_key() {
        let with = |key: u8| Transport { session: "/s".into(), key: Some(Zeroizing::new([key; BLOCK])) };
        for secret in [&b""[..], b"x", &[7; 6000]] {
            let sealed = with(1).seal(secret).unwrap();
            assert!(secret.len() < 2 || !sealed.2.windows(secret.len()).any(|part| part == secret));
            assert_eq!(with(1).unseal(sealed.clone()).as_deref().map(Vec::as_slice), Some(secret));
            assert_ne!(with(2).unseal(sealed).as_deref().map(Vec::as_slice), Some(secret));
        }
        assert!(with(1).unseal(("/s".into(), vec![0; 3], vec![0; 16], String::new())).is_none());
    }
}
