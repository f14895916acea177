//! The kinds of problem: one table for answers, pages and the document.

/// Defines the kinds.
macro_rules! problems {
    ($($name:ident = $status:literal $slug:literal, $title:literal $(, retry after $seconds:literal s)? {
        $detail:literal
        $remedy:literal
    })+) => {
        /// The kind of a problem.
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

            /// The default detail.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)+ }
            }

            /// The remedy.
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
        "The request is not a valid HTTP request."
        "`detail` names the fault and what to send instead. Usual causes are a character of the URL that must be percent-encoded, and a header that is missing, repeated or malformed."
    }
    MalformedJson = 400 "malformed-json", "Malformed JSON" {
        "The body is not JSON."
        "`detail` names the line and the column, counted from 1, where reading stopped. Send one JSON text in UTF-8. In a batch of the type application/x-ndjson, send one JSON text per line."
    }
    ValidationFailed = 400 "validation-failed", "Validation failed" {
        "The body breaks one or more rules; nothing was stored."
        "`errors` lists every bad field at once: `pointer` is a JSON pointer to the field (in a batch it begins with the position of the record, counted from 0), `code` names the fault for programs and `message` describes it for people. Correct every field; the same body always fails."
    }
    InvalidParameters = 400 "invalid-parameters", "Invalid parameters" {
        "One or more parameters of the query string cannot be used."
        "`errors` lists every bad parameter at once by its name. Unknown parameters are refused, and so are repeated parameters that take one value."
    }
    Unauthorized = 401 "unauthorized", "Unauthorized" {
        "The request has no token, or its token is not valid here."
        "Send `Authorization: Bearer` with a token. In Kubernetes, use the token of a service account for the audience that the service expects; elsewhere, use a token from the service's token file. The header WWW-Authenticate says whether the request had a token."
    }
    Forbidden = 403 "forbidden", "Forbidden" {
        "The caller is known and lacks the permission for this request."
        "`detail` names the permission: audit:read, audit:write or admin. Ask the operator of the service to grant it; docs/security.md describes how."
    }
    RecordNotFound = 404 "record-not-found", "Record not found" {
        "No such record exists."
        "Check the type and the id. Each type counts its ids separately."
    }
    RouteNotFound = 404 "route-not-found", "Route not found" {
        "The service has no route with this path."
        "Check the path. Every route of the API begins with /api/v1 and ends without a slash."
    }
    MethodNotAllowed = 405 "method-not-allowed", "Method not allowed" {
        "The path exists, but does not support this method."
        "Use a method from the header Allow. Records cannot be deleted."
    }
    NotAcceptable = 406 "not-acceptable", "Not acceptable" {
        "The header Accept-Encoding excludes every encoding that the service has."
        "Accept gzip, deflate or identity, or omit the header."
    }
    RequestTimeout = 408 "request-timeout", "Request timeout" {
        "The body did not arrive in time; nothing was stored."
        "Send the head within server.header_timeout, the whole body within server.request_timeout (15 seconds by default), and at least 5 KiB of the body in any 5 seconds."
    }
    Conflict = 409 "conflict", "Conflict" {
        "The record's state does not allow this."
        "Read the record again. A finished record cannot be changed, and phases and steps never go back."
    }
    KeyInFlight = 409 "idempotency-key-in-flight", "Idempotency key in flight", retry after 1 s {
        "The first request with this Idempotency-Key has not finished."
        "Repeat the request after the seconds in Retry-After, with the same key and body. You then get the answer to the first request."
    }
    PreconditionFailed = 412 "precondition-failed", "Precondition failed" {
        "The record does not have the version in If-Match; nothing was changed."
        "Read the record again, check that the change is still right, and send the change with the new ETag."
    }
    BodyTooLarge = 413 "body-too-large", "Body too large" {
        "The body has more bytes or more JSON values than the limit; nothing was stored."
        "`detail` names the limit or the position of the first value over it. The limit is a setting of the service (server.body_limit, and server.batch_body_limit for batches). A body may hold one JSON value for every eight bytes of its limit; a record of a batch may hold as many values as a single record. Shorten error messages and metadata, or send smaller batches."
    }
    UnsupportedMediaType = 415 "unsupported-media-type", "Unsupported media type" {
        "The route does not accept the type of the body."
        "Send a type that `detail` names: application/json, for batches also application/x-ndjson (or application/ndjson or application/jsonl), for changes also application/merge-patch+json. Send UTF-8, plain or with Content-Encoding: gzip."
    }
    Misdirected = 421 "misdirected", "Misdirected request" {
        "The header Host does not name this service."
        "Use localhost, 127.0.0.1 or [::1]: without authentication the service answers to these names only, so that a web page cannot reach it through a name of its own."
    }
    KeyReused = 422 "idempotency-key-reused", "Idempotency key reused" {
        "Another request has used this Idempotency-Key; nothing was stored."
        "Use a new key for each new request. Use the same key only to repeat a request with the same body."
    }
    PreconditionRequired = 428 "precondition-required", "Precondition required" {
        "The change has no If-Match, which must name the version of the record that it applies to."
        "Read the record and send its ETag as If-Match. This prevents the change from overwriting the change of another client."
    }
    RateLimited = 429 "rate-limited", "Rate limited", retry after 1 s {
        "This caller, or this address without a valid token, sent too many requests; nothing was done."
        "Repeat the request after the seconds in Retry-After, and spread requests over time; a batch stores many records with one request. The limits are settings of the service (limits.caller_rate, limits.stranger_rate)."
    }
    TooManyMonths = 429 "too-many-months", "Too many months", retry after 3600 s {
        "The record's month is more than three months from the present one and holds no record yet, and this caller has opened as many of these months today as the limit allows; nothing was stored. Check the record's time, or write old records with the permission admin."
        "Check the record's time. Repeat the request after the seconds in Retry-After, or write old records with a token that has the permission admin, which opens any month. The limit is a setting of the service (limits.far_months)."
    }
    HeadTooLarge = 431 "head-too-large", "Head too large" {
        "The head of the request is larger than 128 KiB, or has more than 96 headers; nothing was done."
        "Shorten the URL (the usual cause is a long list of values), or send fewer and shorter headers and cookies."
    }
    Internal = 500 "internal", "Internal error" {
        "The service failed because of a fault of its own."
        "Report the correlation id in `instance` to the operator of the service. The log gives the cause for this id."
    }
    Overloaded = 503 "overloaded", "Overloaded", retry after 1 s {
        "The service has no room for more work now; nothing was stored."
        "Repeat the request after the seconds in Retry-After, with increasing pauses."
    }
    DeadlinePassed = 503 "deadline-passed", "Deadline passed", retry after 1 s {
        "The request took longer than its time limit; nothing was stored."
        "Repeat the request. Narrow the filter of a read that takes too long."
    }
    DatabaseUnavailable = 503 "database-unavailable", "Database unavailable", retry after 2 s {
        "PostgreSQL is unavailable; nothing was stored."
        "Repeat the request after the seconds in Retry-After. The service recovers by itself when PostgreSQL is available again; /ready shows the state."
    }
    AuthUnavailable = 503 "authentication-unavailable", "Authentication unavailable", retry after 2 s {
        "The service cannot check the token now; nothing was done."
        "Repeat the request after the seconds in Retry-After. The service still answers callers whose tokens it checked shortly before."
    }
    FeedUnavailable = 503 "feed-unavailable", "Feed unavailable", retry after 2 s {
        "A list by ascending created_at cannot be complete now."
        "Repeat the request, or choose another sort. If the problem remains, the database is a standby, or another role writes and the role of this service lacks pg_read_all_stats; the log gives the cause."
    }
    IndexUnavailable = 503 "index-unavailable", "Index unavailable", retry after 2 s {
        "The record cannot be stored in both PostgreSQL and the vector index now, as consistency=strict requires; it was stored in neither."
        "Repeat the request after the seconds in Retry-After, or write without consistency=strict: PostgreSQL then stores the record at once, and the index gets it as soon as the index is available."
    }
    Stopping = 503 "stopping", "Stopping", retry after 1 s {
        "This replica is stopping; nothing was stored."
        "Repeat the request. Another replica, or this one after its restart, answers."
    }
    OutcomeUnknown = 503 "outcome-unknown", "Outcome unknown", retry after 2 s {
        "The connection to PostgreSQL was lost during the commit; the record may or may not be stored."
        "Repeat the request with the same Idempotency-Key: the service stores the record once and answers where. Without a key, look for the record before you send it again; a second request may store it twice."
    }
}
