//! One connection through the proxy: bytes from the client to the server and back, with the faults in between.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::backend::Answers;
use super::frontend::{HEAD_MAX, Startup, Statements, asks_for_ready, body_length};
use super::switch::{Action, Switches};

/// Size of the pieces bytes are passed on in.
const PIECE: usize = 16 * 1024;
/// Longest start-up packet; PostgreSQL itself takes no longer one.
const STARTUP_MAX: usize = 10_000;

/// How a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// One of the two sides closed it.
    Closed,
    /// A trigger did.
    Cut,
}

/// Carries bytes both ways until either side closes.
pub(super) async fn carry_bytes(client: TcpStream, server: TcpStream, switches: &Switches) -> Result<Ended> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut piece = vec![0; PIECE];
        while let Some(bytes) = read_piece(&mut from_client, &mut piece).await? {
            switches.hold_request().await;
            to_server.write_all(bytes).await?;
        }
        to_server.shutdown().await
    };
    let answers = async {
        let mut piece = vec![0; PIECE];
        while let Some(bytes) = read_piece(&mut from_server, &mut piece).await? {
            switches.hold_answer().await;
            switches.garble(bytes);
            to_client.write_all(bytes).await?;
        }
        to_client.shutdown().await
    };
    tokio::try_join!(requests, answers)?;
    Ok(Ended::Closed)
}

/// Carries the messages of PostgreSQL's protocol both ways until either side closes or a trigger cuts them.
pub(super) async fn carry_postgres(
    client: TcpStream,
    server: TcpStream,
    switches: &Switches,
) -> Result<Ended> {
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut from_client = BufReader::with_capacity(PIECE, from_client);
    let (startup, packet) = start(&mut from_client, &mut to_client, &mut to_server).await?;
    if startup == Startup::Cancel {
        // The server closes when it has passed the request on, and that is what the client waits for.
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        return Ok(Ended::Closed);
    }
    let withheld = Withheld::default();
    tokio::select! {
        ended = carry_requests(from_client, to_server, &packet, switches, &withheld) => ended,
        ended = carry_answers(from_server, to_client, switches, &withheld) => ended,
    }
}

/// Which answer of a connection is withheld, by its number, and what happens then.
#[derive(Debug, Default)]
struct Withheld(Mutex<Option<(u64, Action)>>);

impl Withheld {
    fn set(&self, answer: u64, action: Action) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer, action));
    }

    fn get(&self) -> Option<(u64, Action)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes the start of a session on, and returns it as it was sent. Encryption is refused, so that what follows can be read.
async fn start(
    from_client: &mut BufReader<OwnedReadHalf>,
    to_client: &mut OwnedWriteHalf,
    to_server: &mut OwnedWriteHalf,
) -> Result<(Startup, Vec<u8>)> {
    loop {
        let field = read_array(from_client).await?;
        let length = body_length(field).filter(|it| (4..=STARTUP_MAX).contains(it)).ok_or_else(invalid)?;
        let code = read_array(from_client).await?;
        let mut packet = [field, code].concat();
        packet.resize(4 + length, 0);
        from_client.read_exact(packet.get_mut(8..).unwrap_or_default()).await?;
        match Startup::of(u32::from_be_bytes(code)) {
            Startup::Encryption => to_client.write_all(b"N").await?,
            startup => {
                to_server.write_all(&packet).await?;
                return Ok((startup, packet));
            }
        }
    }
}

async fn carry_requests(
    mut from_client: BufReader<OwnedReadHalf>,
    mut to_server: OwnedWriteHalf,
    start: &[u8],
    switches: &Switches,
    withheld: &Withheld,
) -> Result<Ended> {
    let mut statements = Statements::default();
    // The server ends its answer to the start of the session like any other.
    let mut asked = 1;
    while let Some(kind) = read_kind(&mut from_client).await? {
        let field = read_array(&mut from_client).await?;
        let length = body_length(field).ok_or_else(invalid)?;
        let mut head = vec![0; length.min(HEAD_MAX)];
        from_client.read_exact(&mut head).await?;
        switches.hold_request().await;
        if statements.runs(kind, &head, switches.needle(start).as_deref()) {
            match switches.take_trigger() {
                Some(Action::CutAfterRequest) => return Ok(Ended::Cut),
                Some(action) => withheld.set(asked + 1, action),
                None => {}
            }
        }
        asked += u64::from(asks_for_ready(kind));
        to_server.write_all(&[&[kind], field.as_slice(), &head].concat()).await?;
        let rest = u64::try_from(length - head.len()).map_err(Error::other)?;
        tokio::io::copy(&mut (&mut from_client).take(rest), &mut to_server).await?;
    }
    switches.delay().await;
    Ok(Ended::Closed)
}

async fn carry_answers(
    mut from_server: OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    switches: &Switches,
    withheld: &Withheld,
) -> Result<Ended> {
    let mut answers = Answers::default();
    let mut piece = vec![0; PIECE];
    while let Some(read) = read_piece(&mut from_server, &mut piece).await? {
        let mut rest: &[u8] = read;
        switches.hold_answer().await;
        while !rest.is_empty() {
            let end = answers.read_to_end(rest);
            let Some((bytes, further)) = rest.split_at_checked(end.unwrap_or(rest.len())) else { break };
            let number = answers.finished() + u64::from(end.is_none());
            match withheld.get() {
                Some((from, action)) if number >= from => {
                    if end.is_some() && action == Action::CutBeforeAnswer {
                        return Ok(Ended::Cut);
                    }
                    if end.is_some() && number == from {
                        switches.fired();
                    }
                }
                _ => to_client.write_all(bytes).await?,
            }
            rest = further;
        }
    }
    // A server that closes instead of answering has answered.
    Ok(if withheld.get().is_some() { Ended::Cut } else { Ended::Closed })
}

/// The next bytes there are; `None` at the end.
async fn read_piece<'a>(from: &mut OwnedReadHalf, piece: &'a mut [u8]) -> Result<Option<&'a mut [u8]>> {
    let read = from.read(piece).await?;
    Ok(piece.get_mut(..read).filter(|bytes| !bytes.is_empty()))
}

/// The type of the next message; `None` when the client has closed.
async fn read_kind(from: &mut BufReader<OwnedReadHalf>) -> Result<Option<u8>> {
    match from.read_u8().await {
        Ok(kind) => Ok(Some(kind)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

async fn read_array(from: &mut BufReader<OwnedReadHalf>) -> Result<[u8; 4]> {
    let mut field = [0; 4];
    from.read_exact(&mut field).await?;
    Ok(field)
}

fn invalid() -> Error {
    Error::new(ErrorKind::InvalidData, "not a message of PostgreSQL's protocol")
}
