//! Faults of the network, through a proxy.

use std::time::Duration;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use storage_testkit::{Fault, FaultProxy};

use super::sequence::Sequence;

/// Ends a proxy's fault. Connections that a trigger left hanging are cut.
pub(super) fn heal(proxy: &FaultProxy) {
    proxy.disarm();
    proxy.set(Fault::Pass);
    proxy.cut_all();
}

/// A standing fault of one server's network, for a while.
pub(super) async fn disturb(proxies: &[&FaultProxy], names: &[&'static str; 4], sequence: &mut Sequence<'_>) {
    let [refused, hung, delayed, cut] = names;
    let delay = Duration::from_millis(sequence.rng.random_range(1..150));
    let faults = [
        (refused, Some(Fault::Refuse)),
        (hung, Some(Fault::Hang)),
        (delayed, Some(Fault::Delay(delay))),
        (cut, None),
    ];
    let Some((name, fault)) = faults.choose(&mut sequence.rng) else { return };
    sequence.faults.count(name);
    match fault {
        Some(fault) => {
            proxies.iter().for_each(|proxy| proxy.set(*fault));
            sequence.wait(100, 3_000).await;
            proxies.iter().for_each(|proxy| proxy.set(Fault::Pass));
        }
        None => proxies.iter().for_each(|proxy| proxy.cut_all()),
    }
}
