//! What limits a scenario that misses a goal. A fresh run keeps these sentences; a change that removes a limit changes
//! them.

/// The scenario, and what a profile of it has shown.
const LIMITS: &[(&str, &str)] = &[
    (
        "W1",
        "the processors, which all share. In a profile of all processors ([flame graph](profiles/w1.svg)), PostgreSQL \
         takes 40 %, the service's HTTP threads 29 %, a quarter of that in the kernel, its writer, projector and \
         connections 11 %, and the load 6 %; 13 % is idle. A third writer, which would overlap more flushes of the log, \
         lowers the rate ([less work](decisions/less-work.md)). 64 requests are always in flight, so the mean latency is \
         64 divided by the rate, and p99 follows the rate too ([group commit](decisions/group-commit.md#measured)).",
    ),
    (
        "W2",
        "what limits W1: vectors are made and indexed after the answer, so records are accepted at the rate of W1. \
         Fifteen times the rate with HNSW inline is three times what single `INSERT`s into a bare copy reach. The \
         projector works only part of the time while writes queue (`projector.percent_beside_writes`) and catches up \
         afterwards, by two tasks. With one of them, in a table of ten million records ([flame \
         graph](profiles/catch-up.svg)), its connection to PostgreSQL took 54 % of both processors (entries of indexes \
         12, words of texts 12), its part of the service 8 %, and 33 % was idle.",
    ),
    (
        "W4",
        "the processors: `COPY` has PostgreSQL to itself and reads no JSON, while batches share them with the service and \
         the projector. The projector works for a quarter of its time beside batches (`projector.percent_beside_writes`); \
         when it worked all the time, the ratio was 0.38 and not 0.51 (turns of both on a quiet machine). With one connection \
         for batches 27 % was idle ([flame graph](profiles/w4.svg)); there are two now.",
    ),
];

/// The sentences for a scenario.
pub(super) fn of(scenario: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(name, _)| *name == scenario).map(|(_, limit)| *limit)
}
