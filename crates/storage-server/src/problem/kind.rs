//! The kinds of problem: one table for answers, pages and the document.

/// Defines the kinds.
macro_rules! problems {
    ($($name:ident = $status:literal $slug:literal, $title:literal $(, retry after $seconds:literal s)? {
        $detail:literal
        $remedy:literal
    })+) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ProblemKind { $($name,)+ }

        impl ProblemKind {
            /// Every kind, by status.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The last part of its URI, which is stable.
            pub(crate) const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            /// The HTTP status.
            pub(crate) const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// A few words that are the same for every occurrence.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What happened, when there is nothing more particular to say.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)+ }
            }

            /// What to do about it.
            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }

            /// Seconds after which repeating may help.
            pub(crate) const fn retry_after(self) -> Option<u16> {
                match self { $(Self::$name => { let seconds: &[u16] = &[$($seconds)?]; first(seconds) })+ }
            }
        }
    };
}

const fn first(seconds: &[u16]) -> Option<u16> {
    match seconds {
        [first, ..] => Some(*first),
        [] => None,
    }
}

impl ProblemKind {
    /// The URI that `type` holds, which is also where its page is.
    pub(crate) fn path(self) -> String {
        format!("/problems/{}", self.slug())
    }
}

problems! {
    BadRequest = 400 "bad-request", "Bad request" {
        "The request cannot be understood."
        "`detail` says what is wrong with it and what to send instead: a character of the URL that must be percent-encoded, a header that is missing, there twice or of another form."
    }
    MalformedJson = 400 "malformed-json", "Malformed JSON" {
        "The body is not JSON."
        "`detail` names the line and the column, counted from 1, where reading stopped. Send one JSON text in UTF-8, or, as a batch, one a line (application/x-ndjson)."
    }
    ValidationFailed = 400 "validation-failed", "Validation failed" {
        "What was sent breaks one or more rules; nothing was stored."
        "`errors` lists every bad field at once: `pointer` is its place (a JSON pointer, in a batch with the record's place first, counted from 0), `code` says what is wrong to machines and `message` to people. Correct them all; sending the same again cannot succeed."
    }
    InvalidParameters = 400 "invalid-parameters", "Invalid parameters" {
        "One or more parameters of the query string cannot be used."
        "`errors` lists every bad parameter at once by its name. A parameter that is not known, or that is repeated and takes one value, is refused rather than ignored."
    }
    Unauthorized = 401 "unauthorized", "Unauthorized" {
        "The request carries no token, or none that is known here."
        "Send `Authorization: Bearer` with a token: in Kubernetes that of a service account, for the audience that the service expects; elsewhere one out of the service's file of tokens. The header WWW-Authenticate says whether a token came with the request."
    }
    Forbidden = 403 "forbidden", "Forbidden" {
        "The caller is known and may not do this."
        "`detail` names the permission: audit:read, audit:write or admin. Whoever runs the service can give it, as docs/security.md tells."
    }
    RecordNotFound = 404 "record-not-found", "Record not found" {
        "No such record exists."
        "Check the type and the id; ids are numbers counted apart for each type."
    }
    RouteNotFound = 404 "route-not-found", "Route not found" {
        "Nothing is served under this path."
        "Check the path; every route of the API begins with /api/v1, and none ends with a slash."
    }
    MethodNotAllowed = 405 "method-not-allowed", "Method not allowed" {
        "The path exists and does not have this method."
        "The header Allow lists its methods. Records cannot be deleted."
    }
    NotAcceptable = 406 "not-acceptable", "Not acceptable" {
        "The header Accept-Encoding leaves no encoding to answer in."
        "Accept gzip, deflate or identity, or leave the header out."
    }
    RequestTimeout = 408 "request-timeout", "Request timeout" {
        "The body did not arrive in time; nothing was stored."
        "Send the head within the seconds that server.header_timeout gives it, the whole body within the request's time (15 seconds unless set otherwise), and at least 5 KiB of it in any 5 seconds."
    }
    Conflict = 409 "conflict", "Conflict" {
        "The record's state does not allow this."
        "Read the record again. A finished record cannot be changed, and phases and steps never go back."
    }
    KeyInFlight = 409 "idempotency-key-in-flight", "Idempotency key in flight", retry after 1 s {
        "The first request with this Idempotency-Key is still under way."
        "Repeat after the seconds in Retry-After, with the same key and body: then the answer to the first request is given."
    }
    PreconditionFailed = 412 "precondition-failed", "Precondition failed" {
        "The record has another version than If-Match names; nothing was changed."
        "Read the record again, see whether the change is still right, and send it with the ETag that came with it."
    }
    BodyTooLarge = 413 "body-too-large", "Body too large" {
        "The body is larger than the limit, or holds more values; nothing was stored."
        "`detail` names the limit, a setting of the service (server.body_limit, and server.batch_body_limit for batches), or the place of the first value too many: a body may hold one JSON value for eight bytes of its limit, and a record of a batch as many as it may alone. Shorten error messages and metadata, or send smaller batches."
    }
    UnsupportedMediaType = 415 "unsupported-media-type", "Unsupported media type" {
        "The body is not of a type that is taken here."
        "`detail` names the types: application/json, for batches also application/x-ndjson (application/ndjson and application/jsonl are other names of it), for changes application/merge-patch+json. In UTF-8, plain or with Content-Encoding: gzip."
    }
    Misdirected = 421 "misdirected", "Misdirected request" {
        "The host in the request is not a name of this service."
        "Without authentication the service answers to loopback names alone: localhost, 127.0.0.1 or [::1]. This keeps web pages from reaching it through a name of their own."
    }
    KeyReused = 422 "idempotency-key-reused", "Idempotency key reused" {
        "This Idempotency-Key was used for another request; nothing was stored."
        "Take a new key for each new request, and the same key only to repeat a request with the same body."
    }
    PreconditionRequired = 428 "precondition-required", "Precondition required" {
        "A change must say in If-Match which version of the record it is for."
        "Read the record and send its ETag as If-Match; then no change of somebody else is overwritten unseen."
    }
    RateLimited = 429 "rate-limited", "Rate limited", retry after 1 s {
        "Too many requests came from this caller, or from this address without a token that is known; this one was not looked at."
        "Repeat after the seconds in Retry-After, and spread requests over time: batches store many records with one. Limits are settings of the service (limits.caller_rate, limits.stranger_rate)."
    }
    TooManyMonths = 429 "too-many-months", "Too many months", retry after 3600 s {
        "The record is of a month further than three from the present one that holds no record yet, and this caller has opened as many of these today as one may; nothing was stored. Check its time, or write old records with the permission admin."
        "Check the record's time. Repeat after the seconds in Retry-After, or write past records with a token that has the permission admin, which opens any month. The limit is a setting of the service (limits.far_months)."
    }
    HeadTooLarge = 431 "head-too-large", "Head too large" {
        "The head of the request is larger than 128 KiB, or has more than 96 headers; nothing was done."
        "Shorten the URL, of which a long list of values is the usual cause, or send fewer and shorter headers and cookies."
    }
    Internal = 500 "internal", "Internal error" {
        "The service failed in a way that is its own fault."
        "Report it with the correlation id in `instance`: the log has the cause under it."
    }
    Overloaded = 503 "overloaded", "Overloaded", retry after 1 s {
        "There is no room for more work now; nothing was stored."
        "Repeat after the seconds in Retry-After, with increasing pauses."
    }
    DeadlinePassed = 503 "deadline-passed", "Deadline passed", retry after 1 s {
        "The request's time was up before it was done; nothing was stored."
        "Repeat it; narrow the filter of a read that takes too long."
    }
    DatabaseUnavailable = 503 "database-unavailable", "Database unavailable", retry after 2 s {
        "PostgreSQL cannot be used now; nothing was stored."
        "Repeat after the seconds in Retry-After. The service recovers by itself once PostgreSQL is back; /ready says when."
    }
    AuthUnavailable = 503 "authentication-unavailable", "Authentication unavailable", retry after 2 s {
        "Whether the token is good cannot be found out now; nothing was done."
        "Repeat after the seconds in Retry-After. Callers that were recognised shortly before are served meanwhile."
    }
    FeedUnavailable = 503 "feed-unavailable", "Feed unavailable", retry after 2 s {
        "A list by ascending created_at cannot tell now how far it is complete."
        "Repeat it, or sort otherwise. If it stays so, the database is a standby, or another role writes and that of this service lacks pg_read_all_stats; the log says which."
    }
    IndexUnavailable = 503 "index-unavailable", "Index unavailable", retry after 2 s {
        "The record cannot be in PostgreSQL and in the vector index now, as consistency=strict asks; it was stored in neither."
        "Repeat after the seconds in Retry-After, or write without consistency=strict: then the record is stored at once and reaches the index as soon as it can be reached."
    }
    Stopping = 503 "stopping", "Stopping", retry after 1 s {
        "This replica is stopping; nothing was stored."
        "Repeat; another replica, or this one after its restart, will answer."
    }
    OutcomeUnknown = 503 "outcome-unknown", "Outcome unknown", retry after 2 s {
        "The connection to PostgreSQL was lost at the very commit: the record may be stored or not."
        "Repeat the request with the same Idempotency-Key: it is stored once, and the answer says where. Without a key, look for the record before sending it again; sending it twice may store it twice."
    }
}
