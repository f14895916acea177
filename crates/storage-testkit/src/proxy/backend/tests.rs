//! Tests for following a server's answers.

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, proptest};

use super::Answers;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], &length[..], body].concat()
}

/// A stream of messages, and where in it each answer ends.
fn stream() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let one = proptest::prop_oneof![
        (any::<u8>().prop_filter("an answer goes on", |kind| *kind != b'Z'), 0..40_usize)
            .prop_map(|(kind, size)| message(kind, &vec![b'Z'; size])),
        Just(message(b'Z', b"I")),
    ];
    proptest::collection::vec(one, 0..20).prop_map(|messages| {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for message in messages {
            bytes.extend_from_slice(&message);
            if message[0] == b'Z' {
                ends.push(bytes.len());
            }
        }
        (bytes, ends)
    })
}

proptest! {
    #[test]
    fn answers_end_at_the_same_places_however_the_stream_is_cut((bytes, ends) in stream(), size in 1..50_usize) {
        let mut answers = Answers::default();
        let (mut found, mut read) = (Vec::new(), 0);
        for mut piece in bytes.chunks(size) {
            while let Some(end) = answers.read_to_end(piece) {
                read += end;
                found.push(read);
                piece = &piece[end..];
            }
            read += piece.len();
        }
        prop_assert_eq!(answers.finished(), u64::try_from(found.len()).unwrap());
        prop_assert_eq!(found, ends);
    }
}
