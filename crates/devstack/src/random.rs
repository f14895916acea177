//! Randomness from the kernel.

use rustix::rand::{GetRandomFlags, getrandom};

use crate::DevstackError;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], DevstackError> {
    let mut bytes = [0; N];
    let failed = |source: std::io::Error| DevstackError::Randomness { source };
    // The kernel gives up to 256 bytes whole (getrandom(2)).
    getrandom(bytes.as_mut_slice(), GetRandomFlags::empty()).map_err(|error| failed(error.into()))?;
    Ok(bytes)
}

/// A password that cannot be guessed: 32 hexadecimal digits.
///
/// # Errors
/// [`DevstackError::Randomness`].
pub fn password() -> Result<String, DevstackError> {
    Ok(format!("{:032x}", u128::from_be_bytes(bytes()?)))
}
