//! Text that was decoded with the wrong character set.
//!
//! UTF-8 that is read with a character set of one byte a character leaves sequences that hardly anybody writes: a letter or
//! sign that is the first byte of a character, then those of the bytes that follow it. Each such sequence is read anew; it
//! is taken where what comes out is more likely to have been written than what stands there. `é` that became `Ã©` in
//! Windows-1252 is `√©` in Mac Roman and `├⌐` in code page 437.

mod charset;
mod likely;

use charset::{Charset, charsets};
use likely::is_likelier;

use crate::edit::Patch;

/// A sequence of characters that was one character.
#[derive(Debug, Clone, Copy)]
struct Sequence {
    start: usize,
    end: usize,
    /// How many characters stand there.
    length: usize,
    meant: char,
}

/// The sequence that starts at a place, read with a character set.
fn sequence(text: &str, start: usize, charset: &Charset) -> Option<Sequence> {
    let mut letters = text[start..].char_indices();
    let (_, first) = letters.next()?;
    let lead = charset.byte(first)?;
    let length = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [lead, 0, 0, 0];
    let mut end = start + first.len_utf8();
    for byte in &mut bytes[1..length] {
        let (at, letter) = letters.next()?;
        *byte = charset.byte(letter).filter(|byte| (0x80..0xc0).contains(byte))?;
        end = start + at + letter.len_utf8();
    }
    let meant = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
    Some(Sequence {
        start,
        end,
        length,
        meant,
    })
}

/// Sequences that are looked at together. What comes after them is looked at by itself.
const LONGEST_RUN: usize = 64;

/// Sequences that stand directly after one another.
fn run(text: &str, start: usize, charset: &Charset) -> Vec<Sequence> {
    let mut run = Vec::new();
    let mut at = start;
    while let Some(next) = sequence(text, at, charset).filter(|_| run.len() < LONGEST_RUN) {
        at = next.end;
        run.push(next);
    }
    run
}

pub(crate) fn patches(text: &str) -> Vec<Patch> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut patches = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let end = at + letter.len_utf8();
        if letter.is_ascii() {
            at = end;
            continue;
        }
        let found = charsets().iter().find_map(|charset| {
            let run = run(text, at, charset);
            let taken = is_likelier(text, &run, charset);
            (taken > 0).then(|| run[..taken].to_vec())
        });
        if let Some(run) = found {
            for sequence in &run {
                patches.push(Patch::new(sequence.start..sequence.end, sequence.meant));
            }
            at = run.last().map_or(end, |last| last.end);
        } else {
            // Control characters that are signs of Windows-1252 which were read as Latin-1.
            if let Some(sign) = charset::sign_of_control(letter) {
                patches.push(Patch::new(at..end, sign));
            }
            at = end;
        }
    }
    patches
}

#[cfg(test)]
mod tests {
    use super::patches;

    fn mended(text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..4 {
            for patch in patches(&text).into_iter().rev() {
                text.replace_range(patch.range, &patch.after);
            }
        }
        text
    }

    #[test]
    fn utf_8_that_was_read_otherwise_is_read_anew() {
        for (broken, meant) in [
            ("cafÃ©", "café"),
            ("doesnâ€™t", "doesn’t"),
            ("â€œquotedâ€\u{9d}", "“quoted”"),
            ("MÃ¼nchen, KÃ¶ln", "München, Köln"),
            ("Ã–sterreich", "Österreich"),
            ("Ã\u{a0} la carte", "à la carte"),
            ("MiloÅ¡ Å½iÅ¾ek", "Miloš Žižek"),
            ("10 Â°C for Â£5", "10 °C for £5"),
            ("caf√©", "café"),
            ("doesn‚Äôt", "doesn’t"),
            ("caf├⌐", "café"),
            ("ðŸ˜€", "😀"),
            ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
            ("РїСЂРёРІРµС‚", "привет"),
            ("it\u{92}s", "it’s"),
            ("\u{ef}\u{bb}\u{bf}name", "\u{feff}name"),
            ("cafÃƒÂ©", "café"),
        ] {
            assert_eq!(mended(broken), meant, "{broken}");
        }
    }

    #[test]
    fn what_is_meant_stays() {
        for text in [
            "café",
            "CAFÉ…",
            "VOILÀ»",
            "„Spaß“",
            "HALLÅ”",
            "SÃO PAULO",
            "IRMÃ–",
            "Ångström",
            "naïve façade",
            "à «»",
            "привет",
            "Россия — Рёв",
            "日本語",
            "‚Ähnlich‘",
            "√2 ≈ 1.41",
            "├── src",
            "5 ¬∞",
            "Ã",
        ] {
            assert_eq!(mended(text), text);
        }
    }
}
