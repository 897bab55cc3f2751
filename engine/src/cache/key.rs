//! What an answer is found by.

use refuel_task::InputHash;

/// Bits of a key's row number that the task takes; the input has the others.
const TASK_BITS: u32 = 16;

/// What an answer is found by: an input, a task and a model.
///
/// A row number, by which SQLite finds a row fastest, begins with the task's bits: the answers of one task lie together,
/// so that a run touches the pages of its own task alone. 48 bits of the input follow. Where two inputs share a row
/// number, the first is kept and the other is asked each time: for 10^7 inputs of a task that is to be expected 0.2
/// times. All 128 bits of the input and of the task are in `check`, which is compared before an answer is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey {
    pub(super) row: i64,
    pub(super) check: [u8; 16],
}

/// The part of a key that all inputs of a task on a model share.
#[derive(Debug, Clone, Copy)]
pub struct TaskKeys {
    row: u64,
    check: u128,
}

impl CacheKey {
    /// The keys of a task, by its fingerprint, on a model, by its digest.
    pub fn for_task(fingerprint: &str, model_digest: &str) -> TaskKeys {
        let mut hasher = blake3::Hasher::new();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(fingerprint.len() as u64).to_le_bytes());
        hasher.update(fingerprint.as_bytes());
        hasher.update(model_digest.as_bytes());
        let mut hash = hasher.finalize_xof();
        let (mut row, mut check) = ([0; 8], [0; 16]);
        hash.fill(&mut row);
        hash.fill(&mut check);
        TaskKeys {
            row: u64::from_le_bytes(row) << (64 - TASK_BITS),
            check: u128::from_le_bytes(check),
        }
    }
}

impl TaskKeys {
    /// The key of an input.
    pub fn with_input(&self, input: InputHash) -> CacheKey {
        let input = u128::from_le_bytes(input.0);
        // Both are hashes, so that their exclusive or is as good as either at telling keys apart.
        CacheKey {
            row: (self.row | (input as u64 >> TASK_BITS)).cast_signed(),
            check: (self.check ^ input).to_le_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_task_and_model_each_make_another_key() {
        let keys = CacheKey::for_task("fingerprint", "digest");
        let key = keys.with_input(InputHash([7; 16]));
        assert_eq!(
            key,
            CacheKey::for_task("fingerprint", "digest").with_input(InputHash([7; 16]))
        );
        let mut others = Vec::new();
        for byte in 0..16 {
            let mut input = [7; 16];
            input[byte] = 8;
            others.push(keys.with_input(InputHash(input)));
        }
        for (fingerprint, digest) in [
            ("fingerprint", "digesu"),
            ("fingerprinu", "digest"),
            ("fingerprintd", "igest"),
        ] {
            others.push(CacheKey::for_task(fingerprint, digest).with_input(InputHash([7; 16])));
        }
        assert!(
            others.iter().all(|other| other.check != key.check),
            "{key:?} {others:?}"
        );
    }

    #[test]
    fn the_rows_of_a_task_lie_together() {
        let keys = CacheKey::for_task("fingerprint", "digest");
        let rows: Vec<i64> = (0..=255)
            .map(|byte| keys.with_input(InputHash([byte; 16])).row)
            .collect();
        let first = rows[0] >> 48;
        assert!(rows.iter().all(|row| row >> 48 == first));
        assert!(rows.iter().collect::<std::collections::HashSet<_>>().len() == 256);
    }
}
