//! Measures how many products of 8-bit integers the cores can do: the arithmetic bound that `bench/run.py` holds the
//! engine's speed against. Prints one line of JSON.
//!
//! Independent chains of dot-product instructions run on registers alone, one thread a core, so that nothing but the
//! multipliers bounds them. One product with its addition counts as one operation.
//!
//! ```text
//! peak [THREADS]
//! ```

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::hint::black_box;
use std::time::Instant;

/// Chains that don't wait for each other: more than latency times units on every processor that has the instruction.
const CHAINS: usize = 16;
/// Rounds of a measurement: a good part of a second.
const ROUNDS: u64 = 60_000_000;
/// Measurements, of which the best counts: others are slowed by what else the machine does.
const REPEATS: usize = 5;

fn main() {
    let threads = std::env::args()
        .nth(1)
        .and_then(|threads| threads.parse().ok())
        .unwrap_or(1_usize);
    let Some(kernel) = kernels::best() else {
        println!("{}", serde_json::json!({ "instruction": null }));
        return;
    };
    let rate = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| black_box((kernel.run)(ROUNDS)));
            }
        });
        ROUNDS as f64 * (CHAINS * kernel.products * threads) as f64 / start.elapsed().as_secs_f64()
    };
    let best = (0..REPEATS).map(|_| rate()).fold(0.0, f64::max);
    println!(
        "{}",
        serde_json::json!({ "instruction": kernel.name, "threads": threads, "products_per_second": best })
    );
}

/// One way to multiply.
struct Kernel {
    name: &'static str,
    /// Products of one instruction.
    products: usize,
    run: fn(u64) -> i32,
}

#[cfg(target_arch = "x86_64")]
mod kernels {
    use std::arch::x86_64::{
        _mm256_dpbusd_avx_epi32, _mm256_extract_epi32, _mm256_set1_epi32, _mm512_dpbusd_epi32, _mm512_reduce_add_epi32,
        _mm512_set1_epi32,
    };

    use super::{CHAINS, Kernel};

    /// The widest that this processor has.
    pub(super) fn best() -> Option<Kernel> {
        if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512f") {
            return Some(Kernel {
                name: "vpdpbusd, 512 bits",
                products: 64,
                // SAFETY: the instructions were just found to be there.
                run: |rounds| unsafe { wide(rounds) },
            });
        }
        if is_x86_feature_detected!("avxvnni") && is_x86_feature_detected!("avx2") {
            return Some(Kernel {
                name: "vpdpbusd, 256 bits",
                products: 32,
                // SAFETY: the instructions were just found to be there.
                run: |rounds| unsafe { narrow(rounds) },
            });
        }
        None
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn wide(rounds: u64) -> i32 {
        let (left, right) = (_mm512_set1_epi32(0x0102_0304), _mm512_set1_epi32(0x0403_0201));
        let mut sums = [_mm512_set1_epi32(0); CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, left, right);
            }
        }
        sums.into_iter().fold(0, |all, sum| all ^ _mm512_reduce_add_epi32(sum))
    }

    #[target_feature(enable = "avx2,avxvnni")]
    fn narrow(rounds: u64) -> i32 {
        let (left, right) = (_mm256_set1_epi32(0x0102_0304), _mm256_set1_epi32(0x0403_0201));
        let mut sums = [_mm256_set1_epi32(0); CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_dpbusd_avx_epi32(*sum, left, right);
            }
        }
        sums.into_iter()
            .fold(0, |all, sum| all ^ _mm256_extract_epi32::<0>(sum))
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod kernels {
    /// None is known for this processor.
    pub(super) fn best() -> Option<super::Kernel> {
        None
    }
}
