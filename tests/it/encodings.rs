//! The same token in every encoding of text, and in binaries: found once, at its bytes in the file, with the line and
//! the column that an editor shows.

use serde_json::Value;

use crate::support::{Place, Tree, expanded, findings, only_finding, places, rule, scan, token};

/// An encoding of text as files have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Utf32Le,
    Utf32Be,
}

use Encoding::{Utf8, Utf16Be, Utf16Le, Utf32Be, Utf32Le};

const ALL: [Encoding; 5] = [Utf8, Utf16Le, Utf16Be, Utf32Le, Utf32Be];

fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Utf8 => text.as_bytes().to_vec(),
        Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Utf32Le => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        Utf32Be => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
    }
}

fn decode(bytes: &[u8], encoding: Encoding) -> String {
    let units = |width: usize| bytes.chunks(width);
    match encoding {
        Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Utf16Le => units(2).map(|u| char::from_u32(u32::from(u16::from_le_bytes([u[0], u[1]]))).unwrap()).collect(),
        Utf16Be => units(2).map(|u| char::from_u32(u32::from(u16::from_be_bytes([u[0], u[1]]))).unwrap()).collect(),
        Utf32Le => units(4).map(|u| char::from_u32(u32::from_le_bytes([u[0], u[1], u[2], u[3]])).unwrap()).collect(),
        Utf32Be => units(4).map(|u| char::from_u32(u32::from_be_bytes([u[0], u[1], u[2], u[3]])).unwrap()).collect(),
    }
}

/// Scans one file and returns its only finding's place, and the report.
#[track_caller]
fn found(content: &[u8]) -> (Place, Value) {
    let tree = Tree::new();
    tree.write("file.txt", content);
    let report = scan(&tree, &["--show-secrets"]).code(1).json();
    only_finding(&report);
    let mut all = places(&report);
    assert_eq!(all.len(), 1, "once: {report:#}");
    (all.remove(0).0, report)
}

/// Checks that a text with one token in it is found in an encoding, with or without a mark.
fn check(before: &str, token: &str, after: &str, encoding: Encoding, mark: bool) {
    let what = format!(
        "{encoding:?}, mark {mark}, after {:?}, followed by {:?}",
        before.chars().take(30).collect::<String>(),
        after.chars().take(9).collect::<String>()
    );
    let head = if mark { encode("\u{feff}", encoding) } else { Vec::new() };
    let start = head.len() + encode(before, encoding).len();
    let end = start + encode(token, encoding).len();
    let content = [head, encode(&format!("{before}{token}{after}"), encoding)].concat();
    let (place, report) = found(&content);
    assert_eq!(decode(&content[place.start..place.end], encoding), token, "{what}");
    assert_eq!((place.start, place.end), (start, end), "{what}");
    assert_eq!(report["findings"][0]["secret"], token, "{what}");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    assert_eq!((place.line, place.column), (line as u64, column as u64), "{what}");
}

#[test]
fn the_token_is_found_in_every_encoding_with_and_without_a_mark() {
    for encoding in ALL {
        for mark in [true, false] {
            for before in [
                "# settings of the service\nname = shop\n  token = \"",
                "k=",
                "# a longer comment, so that the first bytes say what this is\n\n\nT: ",
            ] {
                for after in ["\"\nend of it\n", "\n", ""] {
                    check(before, &token(1), after, encoding, mark);
                }
            }
        }
    }
}

#[test]
fn characters_beyond_ascii_count_as_one_column() {
    for encoding in ALL {
        for mark in [true, false] {
            check("# größe der Datei, und noch mehr Text davor\nñandú — ", &token(2), " é\n", encoding, mark);
        }
    }
}

#[test]
fn characters_beyond_the_basic_plane_count_as_one_column() {
    for encoding in ALL {
        check("# some text of the file comes first\n🔑🔑 = ", &token(2), "\n", encoding, true);
    }
}

#[test]
fn the_check_notices_a_shift() {
    // The control: the same bytes decoded one byte off are not the token.
    let token = token(1);
    let content = encode(&format!("x={token}"), Utf16Le);
    let (place, _) = found(&[&b"\xff\xfe"[..], &content].concat());
    assert_ne!(decode(&content[place.start - 2..place.end - 4], Utf16Le), token);
}

#[test]
fn a_token_alone_is_the_whole_file() {
    for encoding in ALL {
        for mark in [true, false] {
            check("", &token(3), "", encoding, mark);
        }
    }
}

#[test]
fn latin_1_around_a_token_is_text() {
    let token = token(4);
    let content = [b"# gr\xf6\xdfe, caf\xe9\nna\xefve = ", token.as_bytes(), b" \xe9t\xe9\n"].concat();
    let (place, _) = found(&content);
    assert_eq!(&content[place.start..place.end], token.as_bytes());
    assert_eq!((place.line, place.column), (2, 9));
}

#[test]
fn a_token_between_zeros_in_a_binary_is_found() {
    let token = token(5);
    let content = [b"\x7fELF\x02\x01\x01\0\0\0\0\x03\xff\xfe", token.as_bytes(), b"\0\0\x01\n\x80"].concat();
    let (place, _) = found(&content);
    assert_eq!(&content[place.start..place.end], token.as_bytes());
}

#[test]
fn a_wide_string_in_a_binary_is_found_at_any_offset() {
    let token = token(6);
    for pad in 0..9 {
        for tail in [&b""[..], b"\0", b"\0\0\x07"] {
            let head = [&b"MZ\x90\0\x03\0\x01\x02\xff"[..], &vec![0xee; pad]].concat();
            let content = [&head[..], &encode(&token, Utf16Le), tail].concat();
            let (place, _) = found(&content);
            assert_eq!(
                (place.start, place.end),
                (head.len(), head.len() + 2 * token.len()),
                "after {} bytes",
                head.len()
            );
        }
    }
}

#[test]
fn a_private_key_in_a_wide_encoding_is_found_whole() {
    let (line, _) = expanded(rule("private-key-rsa"), "{sample}", 4);
    let key = line.trim_end();
    for (encoding, mark) in [(Utf16Le, true), (Utf16Be, false), (Utf32Be, true)] {
        let head = if mark { encode("\u{feff}", encoding) } else { Vec::new() };
        let content = [head, encode(&format!("# the key of the server\n{key}\n"), encoding)].concat();
        let (place, report) = found(&content);
        assert_eq!(decode(&content[place.start..place.end], encoding), key);
        assert_eq!(report["findings"][0]["secret"], key);
    }
}

#[test]
fn eight_bit_text_appended_to_wide_text_is_found_and_the_other_way_round() {
    // What a shell's `>>` makes of a file that another shell wrote in UTF-16.
    let (first, second) = (token(7), token(8));
    for (a, b) in [(Utf16Le, Utf8), (Utf16Be, Utf8), (Utf32Le, Utf8), (Utf8, Utf16Le), (Utf8, Utf16Be)] {
        let mark = if a == Utf8 { Vec::new() } else { encode("\u{feff}", a) };
        let content =
            [mark, encode(&format!("first = {first}\n"), a), encode(&format!("second = {second}\n"), b)].concat();
        let tree = Tree::new();
        tree.write("file.txt", content);
        let report = scan(&tree, &[]).json();
        assert_eq!(findings(&report).len(), 2, "{a:?} then {b:?}: {report:#}");
    }
}

#[test]
fn a_mark_does_not_hide_what_is_no_such_text() {
    let token = token(9);
    for mark in [
        &b"\xff\xfe"[..],
        b"\xfe\xff",
        b"\xff\xfe\0\0",
        b"\0\0\xfe\xff",
        b"\xef\xbb\xbf",
        b"A\0\0\0B\0\0\0C\0\0\0D\0\0\0",
    ] {
        let tree = Tree::new();
        tree.write(".env", [mark, b"TOKEN=", token.as_bytes(), b"\n"].concat());
        let report = scan(&tree, &[]).json();
        assert_eq!(findings(&report).len(), 1, "{mark:?}");
    }
}
