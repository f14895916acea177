//! A vector as bytes: its numbers as little-endian `f32`, one after the other.

use storage_models::Embedding;

/// How far the square of a vector's length may be from 1. Rounding accounts for less than a thousandth of this.
const LENGTH_TOLERANCE: f32 = 1e-3;

pub(super) fn encode(embedding: &Embedding) -> Vec<u8> {
    embedding.as_slice().iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector; `None` when the bytes are anything else: of another length, not finite, or not of length 1, as every
/// vector of an embedder is.
pub(super) fn decode(bytes: &[u8]) -> Option<Embedding> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let embedding =
        Embedding::new(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()).ok()?;
    let square: f32 = embedding.as_slice().iter().map(|number| number * number).sum();
    ((square - 1.0).abs() <= LENGTH_TOLERANCE).then_some(embedding)
}

#[cfg(test)]
mod tests {
    //! Tests for what is taken for a vector.

    use super::{decode, encode};
    use proptest::prelude::*;
    use storage_models::Embedding;

    fn unit(place: usize, sign: f32) -> Vec<f32> {
        let mut numbers = vec![0.0; Embedding::DIMENSION];
        numbers[place] = sign;
        numbers
    }

    #[test]
    fn numbers_are_stored_in_order_the_least_significant_byte_first() {
        let bytes = encode(&Embedding::new(unit(1, -1.0)).unwrap());
        assert_eq!(bytes.len(), 4 * Embedding::DIMENSION);
        assert_eq!(bytes[..8], [0, 0, 0, 0, 0, 0, 0x80, 0xbf]);
    }

    /// F26: what is no vector is a miss.
    #[test]
    fn bytes_that_are_no_vector_are_refused() {
        let good = encode(&Embedding::new(unit(7, 1.0)).unwrap());
        assert!(decode(&good).is_some());
        let mut not_a_number = good.clone();
        not_a_number[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        let mut infinite = good.clone();
        infinite[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        let shorter = &good[..good.len() - 4];
        let longer = [good.as_slice(), &[0; 4]].concat();
        let uneven = &good[..good.len() - 1];
        let zero = vec![0; good.len()];
        let json = b"[0.1, 0.2]".to_vec();
        for bytes in [&not_a_number, &infinite, shorter, &longer, uneven, &zero, &json, &[]] {
            assert_eq!(decode(bytes), None, "{} bytes", bytes.len());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_vector_or_a_miss(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_vector_survives_bit_for_bit(numbers in proptest::collection::vec(-1.0f32..1.0, Embedding::DIMENSION)) {
            let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
            prop_assume!(length > 0.1);
            let vector = Embedding::new(numbers.iter().map(|number| number / length).collect()).unwrap();
            prop_assert_eq!(decode(&encode(&vector)), Some(vector));
        }
    }
}
