//! The body of an export's answer.

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::Receiver;

use crate::store::edge::ReadError;

/// A piece from the task.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// All has been sent.
    End,
    /// It ended early, for this reason.
    Failed(ReadError),
}

/// The body of an export. Dropping it ends the export.
#[derive(Debug)]
pub(crate) struct ExportBody {
    first: Bytes,
    rest: Receiver<Piece>,
}

/// The export ended before its end. Why is in the log; the client sees its connection end without the last chunk.
#[derive(Debug, thiserror::Error)]
#[error("the export was cut before its end")]
pub(crate) struct ExportCut;

impl ExportBody {
    /// Waits for the first bytes.
    pub(super) async fn begun(mut rest: Receiver<Piece>) -> Result<Self, ReadError> {
        match rest.recv().await {
            Some(Piece::Bytes(first)) => Ok(Self { first, rest }),
            Some(Piece::Failed(error)) => Err(error),
            Some(Piece::End) | None => Err(ReadError::Stopping),
        }
    }

    /// The bytes as they come; an error is the last item.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, ExportCut>> + 'static {
        let Self { first, rest } = self;
        stream::unfold((Some(Piece::Bytes(first)), Some(rest)), |(ready, rest)| async move {
            let mut rest = rest?;
            let piece = match ready {
                Some(piece) => Some(piece),
                None => rest.recv().await,
            };
            match piece {
                Some(Piece::Bytes(bytes)) => Some((Ok(bytes), (None, Some(rest)))),
                Some(Piece::End) => None,
                Some(Piece::Failed(_)) | None => Some((Err(ExportCut), (None, None))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::StreamExt as _;
    use tokio::sync::mpsc;

    use super::{ExportBody, Piece};
    use crate::store::edge::ReadError;

    /// What arrives of these pieces, `None` standing for the cut.
    async fn received(pieces: Vec<Piece>) -> Vec<Option<Bytes>> {
        let (sender, receiver) = mpsc::channel(8);
        for piece in pieces {
            sender.try_send(piece).unwrap();
        }
        drop(sender);
        let body = ExportBody::begun(receiver).await.unwrap();
        body.into_stream().map(Result::ok).collect().await
    }

    /// A sender that is gone, for a panic or whatever reason, is not the end of the records.
    #[tokio::test]
    async fn a_body_ends_well_only_behind_its_end() {
        let bytes = |text: &'static str| Piece::Bytes(Bytes::from_static(text.as_bytes()));
        let some = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        assert_eq!(received(vec![bytes("a"), bytes("b"), Piece::End]).await, [some("a"), some("b")]);
        assert_eq!(received(vec![bytes("a")]).await, [some("a"), None]);
        let failed = Piece::Failed(ReadError::DeadlinePassed);
        assert_eq!(received(vec![bytes("a"), failed, Piece::End]).await, [some("a"), None]);
    }

    #[tokio::test]
    async fn what_fails_before_the_first_byte_is_told() {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Piece::Failed(ReadError::TooManyExports)).unwrap();
        assert!(matches!(ExportBody::begun(receiver).await, Err(ReadError::TooManyExports)));
    }
}
