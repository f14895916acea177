//! Telling whether an object has a key already, in constant time and without a copy of its keys.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use super::Json;

/// Up to here comparing with each key is the cheapest way.
const FEW: usize = 8;

/// Finds the members of one object by the hash of their keys. Each object has another seed.
#[derive(Default)]
pub(super) struct Keys(HashMap<u64, usize>);

impl Keys {
    /// Whether the key is new. It becomes the key of the next member.
    pub(super) fn is_new(&mut self, key: &str, members: &[(String, Json)]) -> bool {
        if members.len() < FEW {
            return !has(members, key);
        }
        if self.0.is_empty() {
            for (place, (known, _)) in members.iter().enumerate() {
                self.0.insert(self.0.hasher().hash_one(known.as_str()), place);
            }
        }
        let hash = self.0.hasher().hash_one(key);
        match self.0.get(&hash).and_then(|place| members.get(*place)) {
            None => {
                self.0.insert(hash, members.len());
                true
            }
            // Two keys in 2^64 share a hash.
            Some((known, _)) => known != key && !has(members, key),
        }
    }
}

fn has(members: &[(String, Json)], key: &str) -> bool {
    members.iter().any(|(known, _)| known == key)
}
