//! The allocator, and how much memory this process took.

use mimalloc::MiMalloc;

/// Compiling ten thousand models takes millions of small pieces of memory, on all cores.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The number of mimalloc's option `purge_delay`, in the order of `mi_option_t` in mimalloc.h, where the crate has no name
/// for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// How long the allocator holds on to pages that nothing uses, in milliseconds. It is a second unless told, in which
/// compiling ten thousand models is long over: what one step frees would only be given back after the last one.
const HELD: std::ffi::c_long = 10;

/// Lets memory that is not used any more go back to the system soon. The allocator is told in no other way but by its
/// environment variables.
pub(crate) fn give_back_soon() {
    // SAFETY: the function stores a number in a table of options, atomically, and may be called at any time. An option that
    // this version does not have is passed over.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, HELD) };
}

/// Most memory that this process has held at once, in bytes: `VmHWM` of `/proc/self/status`, as proc(5) describes it.
/// `None` where the system has no such file.
pub(crate) fn peak() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_peak_grows_with_what_is_held() {
        let before = super::peak().unwrap();
        let held = std::hint::black_box(vec![1u8; before as usize + (64 << 20)]);
        assert!(super::peak().unwrap() > before, "{} bytes are held", held.len());
    }
}
