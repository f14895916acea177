//! Every setting: its name, type, default, range and meaning. The structs, the sample file, the page in docs and the view
//! of the settings in force all come from here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use storage_validation::Handling;

use super::choices::{AuthMode, AuthorizationBy, Consistency, DatabaseTlsMode, Provider};
use super::define::settings;
use super::value::{Accounts, ByteSize, LinkTemplate, Networks, Origins};
use crate::auth::ForwardedHeader;
use crate::telemetry::log::LogFormat;

settings! {
    /// Where the service listens, what it takes on, and how it stops.
    server: ServerSettings {
        /// Where the API listens. Without authentication (`auth.mode`) only a loopback address is accepted: any other ends
        /// the start.
        addr: SocketAddr = "127.0.0.1:8080";
        /// Where metrics, health and readiness listen. GET only; says states and numbers, no names and no records.
        admin_addr: SocketAddr = "127.0.0.1:9090";
        /// Threads that speak HTTP; 0 is one a core.
        workers: usize = "0", from "0" to "256";
        /// Connections that each of these threads accepts; further ones wait in the kernel.
        max_connections: usize = "10000", from "1" to "1000000";
        /// Proxies whose word counts for the address a request comes from (`server.forwarded_header`). From other
        /// peers it is passed over.
        trusted_proxies: Networks = "";
        /// The header in which these proxies write that address, with or without a port. The other one is passed over: a
        /// proxy that does not write it hands on what its client wrote.
        forwarded_header: ForwardedHeader = "x-forwarded-for";
        /// Origins of web pages that browsers may let use the API. None: then no answer says anything about it, and
        /// browsers let none.
        cors_origins: Origins = "";
        /// Where the explorer links to from a record, such as
        /// `https://grafana.example.com/d/pods?var-namespace={namespace}&from={from}&to={to}`. In braces stand `namespace`,
        /// `cluster`, `target_name`, `alert_name`, `alert_fingerprint` and `remediation_request_id`, which are the record's,
        /// and `from` and `to`, the time around it in milliseconds, as Grafana takes it. Callers of the API are told it.
        grafana_url: Option<LinkTemplate> = "";
        /// How long a request may take, its body included. Then it is answered 503, unless its record is already being
        /// written.
        request_timeout: Duration = "15s", from "1ms";
        /// How long a client may take to send the head of a request.
        header_timeout: Duration = "5s", from "1ms";
        /// How long a client may take nothing of an answer that is there for it. Then its connection is closed.
        write_timeout: Duration = "30s", from "1ms";
        /// How long a connection may idle.
        keep_alive: Duration = "75s", from "1ms";
        /// The largest body of a single record; a larger one is refused before it is read.
        body_limit: ByteSize = "1MiB", from "1" to "64MiB";
        /// The largest body of a batch; a larger one is refused before it is read.
        batch_body_limit: ByteSize = "16MiB", from "1" to "1GiB";
        /// Bytes of answers that are being sent, together; beyond them a read is answered 503 at once. One caller may have
        /// three quarters of them, which must hold the largest page, 4 MiB.
        answer_budget: ByteSize = "64MiB", from "16MiB" to "1GiB";
        /// How long to go on serving after a stop was asked for and readiness has turned to 503: as long as load
        /// balancers take to notice.
        drain_delay: Duration = "0s";
        /// How long requests under way may take to finish once no further ones are accepted.
        drain_timeout: Duration = "8s";
    }

    /// TLS for those who use the API. The three files are looked at every second: a change counts for the connections
    /// that follow; files that cannot be used change nothing, and the log says so. The admin port speaks plain HTTP.
    tls: TlsSection {
        /// A file with the certificate that clients are shown, in PEM, and behind it those between it and its root. With
        /// one the API speaks `https` (TLS 1.2 and 1.3) and nothing else. It changes nothing about `auth.mode`.
        certificate_file: Option<PathBuf> = "";
        /// A file with its private key, in PEM, without a password.
        key_file: Option<PathBuf> = "";
        /// A file with the authorities, in PEM, one of which every client must have a certificate of (mutual TLS). Others
        /// do not come as far as a request. When empty, clients are asked for no certificate.
        client_ca_file: Option<PathBuf> = "";
        /// How long a client may take until the connection is one of TLS.
        handshake_timeout: Duration = "5s", from "1ms";
    }

    /// How callers are known, and what they may do.
    auth: AuthSettings {
        /// `none` lets every caller do everything, and then `server.addr` must be a loopback address; `tokens` knows the
        /// tokens of a file; `kubernetes` has the API server check the tokens of service accounts.
        mode: AuthMode = "none";
        /// For mode `tokens`: a file with one token a line, as `datastorage token new` prints it: name, hash, permissions.
        /// Changes count within two seconds; while it cannot be read or has a wrong line, what was read before stays.
        tokens_file: Option<PathBuf> = "";
    }

    /// The cluster whose service accounts are callers, for `auth.mode = "kubernetes"`.
    kubernetes: KubernetesSection {
        /// A kubeconfig file that leads to the API server. Without one it is that of the pod the service runs in, which
        /// the service account's own token, as it stands in the file at the time, opens.
        kubeconfig: Option<PathBuf> = "";
        /// What tokens must be made for. A token for other things, the API server's own among them, is refused.
        audience: String = "datastorage";
        /// What tells who may do what: `review` asks the API server whether the account may use the resource `audits` of
        /// the group `datastorage.kubernaut.ai` (read: get and list; write: create and update; admin: administer); `list`
        /// goes by the three lists below.
        authorization: AuthorizationBy = "review";
        /// The namespace in which roles are looked for; the service's own when empty.
        namespace: Option<String> = "";
        /// For `list`: accounts that may read, as `namespace/name`.
        readers: Accounts = "";
        /// For `list`: accounts that may write.
        writers: Accounts = "";
        /// For `list`: accounts that may administer the service.
        admins: Accounts = "";
        /// How long the API server may take to answer. Then the request is answered 503; callers who are remembered are
        /// served meanwhile.
        timeout: Duration = "3s", from "1ms";
        /// How long a caller is remembered, at most 60s, and no longer than its token says to be good. An account that is
        /// deleted, or whose roles change, may be served for so long still.
        cache_ttl: Duration = "60s", from "0s" to "60s";
    }

    /// How much may be asked of the service at once and by whom. Health and readiness are never counted.
    limits: LimitSettings {
        /// Requests under way at once; further ones are answered 503 until one is done.
        requests: usize = "4096", from "1" to "1000000";
        /// Requests a second that one known caller may make in the long run; more are answered 429. 0 is no limit. Without
        /// authentication callers cannot be told apart, and this does not count.
        caller_rate: u32 = "5000";
        /// Requests that one known caller may make at once beyond that.
        caller_burst: u32 = "10000";
        /// Requests a second from one address without a token that is known already, and for the open pages
        /// (`/openapi.json`, `/docs`, `/problems/…`) with or without one; more are answered 429, and the token is not
        /// looked at. 0 is no limit.
        stranger_rate: u32 = "20";
        /// Such requests that may come at once beyond that.
        stranger_burst: u32 = "200";
        /// Months of a table, further than three from the present one, that one caller (without authentication, one
        /// address) may open a day with a first record; more are answered 429. Callers with the permission `admin` may
        /// open any, for imports. 0 is no limit. Each replica counts for itself.
        far_months: usize = "12";
    }

    /// PostgreSQL, the one store that everything else is derived from.
    database: DatabaseSettings {
        /// The whole address, such as `postgres://user@host:5432/name`. Instead of host, port, name and user. Of several
        /// servers, such as `postgres://user@one:5432,two:5432/name`, the one that takes writes is used, and reads go to
        /// another while there is none.
        url: Option<SecretString> = "";
        /// The server; localhost when empty.
        host: Option<String> = "";
        /// Its port; 5432 when empty.
        port: Option<u16> = "";
        /// The database; kubernaut when empty.
        name: Option<String> = "";
        /// The role; postgres when empty. `datastorage schema roles` makes it with the rights it needs.
        user: Option<String> = "";
        /// The role's password. Better in a file, or in the environment.
        password: Option<SecretString> = "";
        /// A file with the password; an end of line at its end is dropped.
        password_file: Option<PathBuf> = "";
        /// How connections are protected: `verify-full` encrypts them and believes only a certificate for the server's
        /// name from an authority that is trusted; with `off` the password's proof and every record cross the network
        /// readable. Empty: `verify-full` with `database.ca_file`, or when the address asks for TLS (`sslmode=require` and
        /// the stricter ones), else `off`.
        tls: Option<DatabaseTlsMode> = "";
        /// A file with the certificates, in PEM, that the server's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "";
        /// How long to wait for a connection to be made, to each server of the address.
        connect_timeout: Duration = "2s", from "1ms";
        /// No statement runs longer; a read that does is answered 503.
        statement_timeout: Duration = "5s", from "1ms";
        /// No lock is waited for longer.
        lock_timeout: Duration = "2s", from "1ms";
        /// A transaction that a lost client left open ends after this.
        idle_in_transaction_timeout: Duration = "10s", from "1ms";
        /// Connections for reads, those included whose read was abandoned and is being ended. With `writer.writers` and `projector.workers` at most 47.
        read_connections: usize = "8", from "1" to "47";
        /// How long a read waits for one of them before it is answered 503. A caller who has less than a quarter of them
        /// (at least one) is the next and waits up to `database.statement_timeout` longer.
        acquire_timeout: Duration = "2s", from "1ms";
        /// How long the start goes on trying to reach PostgreSQL.
        start_timeout: Duration = "30s";
    }

    /// Streams of all records that match a filter.
    export: ExportSettings {
        /// Connections that exports read through, and nothing else; as many exports run at a time. A further one is
        /// answered 503, unless its caller has less than a quarter of them (at least one) and another has more: then the
        /// newest of that one's is cut.
        connections: usize = "2", from "1" to "16";
        /// How long an export may take. Then it is cut, which its client sees.
        timeout: Duration = "10m", from "1ms";
        /// How long a client may take nothing of its export before it is cut.
        stall_timeout: Duration = "30s", from "1ms";
    }

    /// Whether and as whom the service brings the database to its schema when it starts.
    schema: SchemaSettings {
        /// Whether to migrate at start. Off, a database without the schema ends the start, naming what is missing.
        bootstrap: bool = "false";
        /// The database as the role that owns the tables, which the server's own role should not be: then finished
        /// records are safe from it (docs/security.md). Empty: the same as the server's.
        owner_url: Option<SecretString> = "";
    }

    /// The queue in front of PostgreSQL and the transactions that empty it.
    writer: WriterSection {
        /// Tasks that write, each with a connection of its own. They take turns: while the COMMIT of one is under way another
        /// writes the next group, so more than two help only when connections are stuck.
        writers: usize = "2", from "1" to "16";
        /// Records that may wait; beyond them a write is answered 503 at once.
        queue_records: usize = "10000", from "1" to "1000000";
        /// Records in one transaction.
        group_records: usize = "256", from "1" to "10000";
        /// Connections that write batches, one batch each at a time, beside the writers' own: while one waits for the disk
        /// another works.
        batch_connections: usize = "2", from "1" to "16";
        /// Strict writes at a time, each on a connection of its own; beyond them one is answered 503 at once.
        strict_connections: usize = "2", from "1" to "16";
        /// What a write of one record is when it asks for nothing: `deferred` is stored in PostgreSQL and reaches the
        /// vector index behind the request, `strict` is in both before it is answered, or in neither.
        consistency: Consistency = "deferred";
        /// How strictly records are taken when a request asks for nothing: `strict` refuses what breaks a rule, `lenient`
        /// cuts text that is too long, takes control characters out, makes an unknown severity null and stores a digest for
        /// metadata that is too large or too deep, and says so in the record. `Prefer: handling=…` asks for the other.
        handling: Handling = "strict";
        /// Connections that update records, one update each at a time.
        update_connections: usize = "2", from "1" to "16";
        /// Bytes of bodies in flight and records queued, together; beyond them a write is answered 503 at once. One caller
        /// may have three quarters of them.
        byte_budget: ByteSize = "64MiB", from "64KiB" to "2GiB";
        /// How long one step of a transaction may take before its connection is given up. Longer than
        /// `database.statement_timeout`, so that it passes only when PostgreSQL does not answer at all.
        step_timeout: Duration = "7s";
        /// How long to ask what became of a commit whose answer was lost.
        settle_timeout: Duration = "5s", from "1ms";
        /// How often a transaction that lost against another one is run again.
        conflict_retries: u32 = "5", from "0" to "100";
        /// How long a stop waits for what is queued to be written.
        stop_timeout: Duration = "6s";
    }

    /// The answers kept for requests that are repeated with their Idempotency-Key.
    idempotency: IdempotencySettings {
        /// How long an answer is kept. A request repeated later is done again.
        retention: Duration = "168h", from "1s" to "8760h";
        /// How often older ones are removed. Each replica does it; they do not get into each other's way.
        sweep_interval: Duration = "10m", from "1ms";
    }

    /// How stored remediations get their vectors, behind the request's back.
    projector: ProjectorSection {
        /// Tasks, each with a connection of its own. Those after the first help when more waits than one may claim, and
        /// keep away while writes wait for PostgreSQL.
        workers: usize = "2", from "1" to "16";
        /// Records claimed at once, at most. A task begins with few and takes as many as it settles in a tenth of a second.
        batch: i64 = "256", from "1" to "1000";
        /// How many percent of its time the first task works while writes wait for PostgreSQL, 1 to 100. The rest it leaves
        /// to them, and catches up afterwards. More: searches find records sooner, and writes are slower.
        percent_beside_writes: u32 = "25", from "1" to "100";
        /// How long a claim lasts; records that a killed process held wait this long. Longer than a batch takes.
        lease: Duration = "30s", from "1ms";
        /// How often to look for work when nothing wakes the projector.
        poll: Duration = "1s", from "1ms";
        /// How often a record may fail for its own reasons before it is parked (`datastorage outbox list`).
        attempts: i32 = "5", from "1" to "1000";
        /// The wait after a record's first failure; doubles with each.
        retry_delay: Duration = "1s", from "1ms";
        /// The pause after PostgreSQL or the embedder failed, unless it asked for another.
        outage_pause: Duration = "2s", from "1ms";
        /// How long one step in the database may take before its connection is given up. Longer than
        /// `database.statement_timeout`.
        step_timeout: Duration = "7s";
        /// The shortest time between two walks through the whole outbox, for rows that a worker has passed by. They take
        /// longer, piece by piece, while a long transaction elsewhere keeps what is done.
        sweep_pause: Duration = "5s", from "1ms";
        /// How long a stop waits for the batch at hand.
        stop_timeout: Duration = "4s";
    }

    /// How the stores are compared with the records, and repaired. One replica at a time does it for all.
    reconcile: ReconcileSection {
        /// Whether this replica takes part. `datastorage reconcile` works in any case.
        enabled: bool = "true";
        /// The pause between two runs.
        interval: Duration = "15m", from "1ms";
        /// The time between the two passes of a run, which must agree before anything is repaired: at least twice the
        /// longest write deadline, so that a write on its way is not taken for drift.
        gap: Duration = "90s";
        /// Records and points read at once.
        page: usize = "5000", from "1" to "100000";
    }

    /// What turns texts into vectors, and how long a vector is remembered.
    embedding: EmbeddingSettings {
        /// `local` runs all-MiniLM-L6-v2 in this process. `hashing` compares words without knowing what they mean; it
        /// needs no file. `openai` asks an API (section `openai`). Vectors of two never mix: with vectors of another in
        /// the database, the start ends.
        provider: Provider = "local";
        /// The directory with `model.safetensors` and `tokenizer.json`; `local` needs it.
        model_dir: Option<PathBuf> = "";
        /// Batches that the local model computes at the same time.
        threads: usize = "1", from "1" to "64";
        /// Memory for remembered vectors.
        cache_bytes: ByteSize = "32MiB", from "0" to "64GiB";
        /// How long a vector is remembered.
        cache_ttl: Duration = "5m", from "1ms";
    }

    /// An embedding API that speaks OpenAI's protocol, for `embedding.provider = "openai"`.
    openai: OpenAiSection {
        /// What `/embeddings` is appended to.
        url: String = "https://api.openai.com/v1";
        /// A file with the certificates, in PEM, that the API's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "";
        /// The model. Its vectors never mix with another's: with vectors of another in the database, the start ends.
        model: String = "text-embedding-3-small";
        /// A file with the key; an end of line at its end is dropped. Without one no key is sent.
        api_key_file: Option<PathBuf> = "";
        /// Whether to ask for vectors of 384 numbers. Switch it off for models that give 384 anyway and refuse to be
        /// asked.
        send_dimensions: bool = "true";
        /// How long one call may take, of up to 32 texts.
        timeout: Duration = "10s", from "1ms";
        /// How often a call that failed in passing is tried again at once. Longer outages are waited out by the projector.
        retries: usize = "2", from "0" to "10";
    }

    /// Redis, where replicas share the vectors they have made. While it is unavailable, each remembers its own.
    redis: RedisSection {
        /// The address, such as `redis://user@host:6379/0`, or `rediss://` for TLS. Without one there is no Redis.
        url: Option<SecretString> = "";
        /// A file with the address, for addresses that hold a password; an end of line at its end is dropped.
        url_file: Option<PathBuf> = "";
        /// A file with the password, when the address has none; an end of line at its end is dropped.
        password_file: Option<PathBuf> = "";
        /// A file with the certificates, in PEM, that the server's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "";
        /// What every key begins with; replicas that shall share have the same.
        key_prefix: String = "datastorage:embedding:";
        /// How long a connection may take to be made.
        connect_timeout: Duration = "500ms", from "1ms";
        /// How long an answer may take. A search waits for it at most three times before Redis counts as unavailable.
        timeout: Duration = "200ms", from "1ms";
        /// Connections, at most.
        connections: usize = "4", from "1" to "64";
    }

    /// Qdrant, where stored remediations are indexed as well. Without it, searches by meaning are pgvector's alone; while
    /// it is unavailable, they fall back to pgvector, and records wait in the outbox.
    qdrant: QdrantSection {
        /// The gRPC address, such as `http://qdrant:6334`, or `https://` for TLS. Without one there is no Qdrant.
        url: Option<String> = "";
        /// A file with the certificates, in PEM, that the server's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "";
        /// The key that every request carries. It crosses the network readable unless the address says `https`.
        api_key: Option<SecretString> = "";
        /// A file with the key; an end of line at its end is dropped.
        api_key_file: Option<PathBuf> = "";
        /// The alias by which the collection is used. The collection is created when there is none; one of another
        /// database or another embedder ends the start.
        collection: String = "remediation_audit";
        /// How long the answer to one request may take.
        timeout: Duration = "5s", from "1ms";
        /// How long a connection may take to be made.
        connect_timeout: Duration = "2s", from "1ms";
    }

    /// The log, on standard error.
    log: LogSettings {
        /// `json` is one object a line; `human` is for reading; `auto` is human on a terminal and json elsewhere.
        format: LogFormat = "auto";
        /// The least level that is logged: error, warn, info, debug or trace; also by target, as in
        /// `info,storage_dualwrite=debug`. Below info the service speaks of itself alone, since libraries would log values
        /// and headers there. Can be changed while the service runs: `PUT /api/v1/admin/log-level`.
        level: String = "info";
    }
}
