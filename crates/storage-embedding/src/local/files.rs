//! The pinned model files.

use crate::error::LoadError;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

const CHUNK_BYTES: usize = 1 << 16;

/// A file of the model, known by its content.
pub(super) struct PinnedFile {
    name: &'static str,
    sha256: &'static str,
}

/// The weights, f32.
pub(super) const WEIGHTS: PinnedFile = PinnedFile {
    name: "model.safetensors",
    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
};

/// The vocabulary and the normaliser.
pub(super) const TOKENIZER: PinnedFile = PinnedFile {
    name: "tokenizer.json",
    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
};

impl PinnedFile {
    /// The file's path in `directory`, once its content has proved to be the pinned one.
    pub(super) fn verified(&self, directory: &Path) -> Result<PathBuf, LoadError> {
        let path = directory.join(self.name);
        let found = match sha256_hex(&path) {
            Ok(found) => found,
            Err(source) => return Err(LoadError::Read { path, source }),
        };
        if found != self.sha256 {
            return Err(LoadError::Checksum { path, expected: self.sha256, found });
        }
        Ok(path)
    }
}

fn sha256_hex(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk)?;
        match chunk.get(..length) {
            None | Some([]) => break,
            Some(bytes) => hasher.update(bytes),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
