//! Letters as they are compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, compatibility forms written out (`Ａ` is `a`, `½` is `1⁄2`), white space as single spaces.
pub(crate) fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        for c in text.chars() {
            push(&mut out, c.to_ascii_lowercase());
        }
    } else {
        for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
            match plain(c) {
                Some(letters) => out.push_str(letters),
                None => c.to_lowercase().for_each(|c| push(&mut out, c)),
            }
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

fn push(out: &mut String, c: char) {
    if c.is_whitespace() || c.is_control() {
        if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    } else {
        out.push(c);
    }
}

/// Letters that Unicode does not decompose, and quotes that people write one for the other.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        '’' | '‘' | 'ʼ' | '`' | '′' => "'",
        '“' | '”' | '″' => "\"",
        '‐' | '‑' | '–' | '—' => "-",
        '⁄' => "/",
        _ => return None,
    })
}

/// The letters and digits alone, run together: `DSC-W300 b` is `dscw300b`.
pub(crate) fn compact(normalized: &str) -> String {
    normalized.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_case_and_space_make_no_difference() {
        assert_eq!(normalize("  Café\t MÜNCHEN "), "cafe munchen");
        assert_eq!(normalize("Straße “Łódź”"), "strasse \"lodz\"");
        assert_eq!(normalize("ＤＳＣ－Ｗ３００"), "dsc-w300");
        assert_eq!(compact("dsc-w300 b"), "dscw300b");
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(text in ".{0,40}") {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), once);
        }
    }
}
