//! What limits a scenario that misses a goal. A fresh run keeps these sentences; a change that removes a limit changes
//! them.

/// The scenario, and what a profile of it has shown.
const LIMITS: &[(&str, &str)] = &[
    (
        "W1",
        "the processors, which all share. In a profile of all of them (`perf record -a`, 64 connections), PostgreSQL takes 48 % \
         of the time that the scenario uses, the service's HTTP threads 35 %, its writer, projector and connections 13 %, and \
         the load 4 %. No function has a tenth of the service's part. 64 requests are always in flight, so the mean latency is \
         64 divided by the rate, and p99 follows the rate too ([group commit](decisions/group-commit.md#measured)).",
    ),
    (
        "W2",
        "what limits W1: vectors are made and indexed after the answer, so records are accepted at the rate of W1. They are \
         searchable later because the projector works only part of the time while writes queue \
         (`projector.percent_beside_writes`) and catches up afterwards.",
    ),
    (
        "W4",
        "the processors: `COPY` has PostgreSQL to itself and reads no JSON, while batches share them with the service and the \
         projector. The projector works for a quarter of its time beside batches (`projector.percent_beside_writes`); when it \
         worked all the time, the ratio was 0.38 and not 0.51 (turns of both on a quiet machine).",
    ),
    (
        "M1",
        "`/proc/PID/smaps` shows 26 MB that are pages of the program's own file, which the kernel may drop, and 51 MB that the \
         service has allocated, with 200 connections and without a model. The model adds its weights, 91 MB.",
    ),
];

/// The sentences for a scenario.
pub(super) fn of(scenario: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(name, _)| *name == scenario).map(|(_, limit)| *limit)
}
