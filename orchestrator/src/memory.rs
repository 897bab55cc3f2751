//! How much memory this process took.

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
