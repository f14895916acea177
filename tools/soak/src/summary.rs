//! The result of a run, as tables.

use std::time::Duration;

use super::chaos::Faults;
use super::check::Check;
use super::clients::Counts;
use crate::progress::answer;

/// Differences of one check that are printed.
const SHOWN_MAX: usize = 40;

/// The facts of the summary besides the checks.
pub(super) struct Facts<'a> {
    pub(super) seed: u64,
    pub(super) replicas: usize,
    pub(super) lasted: Duration,
    pub(super) requests: &'a Counts,
    pub(super) faults: &'a Faults,
    pub(super) records: [(&'static str, usize); 3],
    pub(super) settled: usize,
    pub(super) rested: Duration,
}

/// Prints everything; whether all checks have passed.
pub(super) fn print(facts: &Facts<'_>, checks: &[Check]) -> bool {
    answer(&format!(
        "seed {}, {} replicas, {} s of load, {} requests, {} faults",
        facts.seed,
        facts.replicas,
        facts.lasted.as_secs(),
        facts.requests.values().sum::<u64>(),
        facts.faults.total(),
    ));
    answer("\nrequests              answer                                       count");
    for ((operation, label), count) in facts.requests {
        answer(&format!("{operation:<20}  {label:<40} {count:>9}"));
    }
    answer("\nfault                                                              count");
    for (fault, count) in facts.faults.all() {
        answer(&format!("{fault:<62} {count:>9}"));
    }
    answer("\nrecords                                                            count");
    for (what, count) in facts.records {
        answer(&format!("{what:<62} {count:>9}"));
    }
    answer(&format!("{:<62} {:>9}", "requests settled by repeating them with their key", facts.settled));
    answer(&format!("{:<62} {:>7.1} s", "until the outbox was empty", facts.rested.as_secs_f64()));
    answer("\ncheck                                                             looked at  result");
    for check in checks {
        let result = match check.differences.len() {
            0 => "ok".to_owned(),
            count => format!("{count} DIFFERENCES"),
        };
        answer(&format!("{:<64} {:>10}  {result}", check.name, check.looked_at));
    }
    for check in checks.iter().filter(|it| !it.differences.is_empty()) {
        answer(&format!("\n{}:", check.name));
        check.differences.iter().take(SHOWN_MAX).for_each(|it| answer(&format!("  {it}")));
        if check.differences.len() > SHOWN_MAX {
            answer(&format!("  and {} more", check.differences.len() - SHOWN_MAX));
        }
    }
    checks.iter().all(|it| it.differences.is_empty())
}
