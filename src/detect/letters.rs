//! Whether letters make words. People give variables, tests and placeholders words and abbreviations; a password of letters
//! alone that make no word of any language was made to be one.

use super::names::{contains, is_listed};
use crate::rules::grams;

/// How often a letter follows another in words, from 0 (hardly ever) to 9: a row for the first, a column for the second.
/// Counted in 50,000 words of English, of code, and of interfaces in some forty languages.
#[rustfmt::skip]
const FOLLOWS: [&[u8; 26]; 26] = [
    b"67883575857979473989765366", // a
    b"74327024730733620654610040", // b
    b"81528218736633821657620045", // c
    b"82359235832535730663633144", // d
    b"85897775757889464998565746", // e
    b"61236532720522700544500030", // f
    b"71228155723535610654602033", // g
    b"72238201702534710535522030", // h
    b"76878774457879864788573447", // i
    b"60026000401212400032500000", // j
    b"71227213614514710556612030", // k
    b"83469343943754830266642060", // l
    b"85238214802463770254610030", // m
    b"84788694846546732489653064", // n
    b"56774563646789671987766335", // o
    b"82338335702722860856601030", // p
    b"20000000200200100010600000", // q
    b"94669453936576842677754055", // r
    b"83739346826655773379734055", // s
    b"93549437924545840877744265", // t
    b"66656553645778461777342335", // u
    b"71218100711213610332310030", // v
    b"61216004601205510441200040", // w
    b"40304101500100250005110000", // x
    b"53435231513444550255323012", // y
    b"72237021612335520234523044", // z
];

/// The fewest letters of which something is said.
const FEWEST: usize = 4;

/// Words and products all the same, though their letters hardly follow each other elsewhere.
const WORDS: &str = "software microsoft dashboard sandbox lambda bcrypt scrypt libmysql harfbuzz kqueue weekly weekday \
    weekdays goodbye enough zombie oxidize pbkdf hmac freebsd netbsd openbsd mozilla whatwg linux proxy boxed abcde \
    psql pswd pssw xkcd sqrt john johndoe llvm grpc whoami zabbix kafka phpmyadmin mqtt emqx \
    vsftpd sftp rabbitmq influxdb haproxy symfony sugarcrm piwik fluxcd xyzzy plugh huawei zyxel jdbc sysdba pkcs krbtgt \
    xyzxyz nihao ambiguous cygwin occupy";

/// Whether a text of letters of one case, perhaps joined by signs, makes no word: at most two of a hundred words of that
/// length do not, and of random letters half do at four, three of four at five, and nearly all from eight on. Of what is
/// joined, most parts must make none.
pub(super) fn make_no_word(text: &str) -> bool {
    let joined = text.bytes().all(|b| b.is_ascii_alphabetic() || b"_-.:".contains(&b));
    if !joined {
        return false;
    }
    let count = |of: fn(&u8) -> bool| text.bytes().filter(of).count();
    let (small, letters) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_alphabetic));
    if letters < FEWEST || !(small == 0 || small == letters) || !is_odd(text.as_bytes(), letters, 0) {
        return false;
    }
    let parts = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|part| part.len() >= FEWEST);
    let (odd, all) =
        parts.fold((0, 0), |(odd, all), part| (odd + usize::from(is_odd(part.as_bytes(), part.len(), 20)), all + 1));
    all > 0 && odd * 2 > all
}

/// Whether a short text of small letters and digits is no word with a number behind it, nor one in which digits stand
/// for letters (`s3cr3t`).
pub(super) fn are_scrambled(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!?#*".contains(&b));
    let text = text.trim_end_matches(['!', '?', '#', '*']);
    let hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit());
    if !plain || hexadecimal || !(FEWEST + 1..=8).contains(&text.len()) {
        return false;
    }
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    if word.bytes().all(|b| b.is_ascii_lowercase()) {
        return word.len() >= 4 && word.len() < text.len() && is_odd(word.as_bytes(), word.len(), 0);
    }
    let read: Vec<u8> = text.bytes().map(read_as).collect();
    let groups = text.split(|c: char| c.is_ascii_lowercase()).filter(|digits| !digits.is_empty()).count();
    groups >= 2 && is_odd(&read, read.len(), 40)
}

/// The letter that a digit stands for.
const fn read_as(b: u8) -> u8 {
    match b {
        b'0' => b'o',
        b'1' => b'i',
        b'3' => b'e',
        b'4' => b'a',
        b'5' => b's',
        b'7' => b't',
        b'8' => b'b',
        _ => b,
    }
}

/// Whether letters follow each other as they hardly do in words: twenty times what the table says of their pairs on
/// average, and how many in a hundred of their 3-grams are common. `leeway` is added to the limit.
fn is_odd(text: &[u8], letters: usize, leeway: usize) -> bool {
    let limit = match letters {
        ..5 => 76,
        5 => 116,
        6 => 128,
        7 => 138,
        8 => 152,
        _ => 156,
    };
    let follows = |pair: &[u8]| match pair {
        [a, b] => FOLLOWS.get(place(*a)?)?.get(place(*b)?).map(|digit| usize::from(digit - b'0')),
        _ => None,
    };
    let (sum, pairs) = text.windows(2).filter_map(follows).fold((0, 0), |(sum, pairs), f| (sum + f, pairs + 1));
    // Most texts are words by the first measure alone.
    let pairs_say = |sum: usize| sum * 20 / pairs;
    pairs > 0
        && pairs_say(sum) < limit + leeway
        && pairs_say(sum) + grams::commonness(text) < limit + leeway
        && !is_known(text)
}

/// Whether letters are a listed word, what programmers call a thing that needs no name, or shorten what it is for.
pub(super) fn is_known(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let begins = ["foo", "baz", "qux", "quux", "pw"].iter().any(|word| lower.starts_with(word.as_bytes()));
    let ends = ["pw", "db"].iter().any(|word| lower.ends_with(word.as_bytes()));
    let known = begins || ends || contains(&lower, "sql") || contains(&lower, "passw");
    let listed = || std::str::from_utf8(&lower).is_ok_and(|lower| is_listed(WORDS, lower));
    lower.iter().all(|b| b.is_ascii_alphabetic() || b"_-.".contains(b)) && (known || listed())
}

/// The place of a letter in the alphabet.
fn place(b: u8) -> Option<usize> {
    b.is_ascii_alphabetic().then(|| usize::from((b | 0x20) - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::template::{Bindings, Random, expand};

    #[test]
    fn random_letters_make_no_word() {
        let mut random = Random::new(5);
        for (template, least) in [
            ("{chars:5:abcdefghijklmnopqrstuvwxyz}", 70),
            ("{chars:6:abcdefghijklmnopqrstuvwxyz}", 78),
            ("{chars:8:abcdefghijklmnopqrstuvwxyz}", 92),
            ("{chars:6:abcdefghijklmnopqrstuvwxyz}_{chars:6:abcdefghijklmnopqrstuvwxyz}", 82),
        ] {
            let made =
                (0..100).map(|_| String::from_utf8(expand(template, &mut random, &Bindings::new()).unwrap()).unwrap());
            let odd = made.filter(|text| make_no_word(text)).count();
            assert!(odd >= least, "{template}: {odd}");
        }
    }

    #[test]
    fn words_and_abbreviations_do() {
        for word in [
            "admin",
            "linux",
            "widget",
            "penguin",
            "passwd",
            "dbpass",
            "mysqlpw",
            "changeit",
            "zabbix",
            "wordpress",
            "contrasena",
            "geheimnis",
            "wachtwoord",
            "motdepasse",
            "rabbitmq",
            "kubernetes",
            "my_db_pass",
            "xyz",
        ] {
            assert!(!make_no_word(word), "{word}");
        }
        for word in ["user1", "s3cr3t", "p4ssw0rd", "oauth2", "test12", "l33t", "passw0rd1"] {
            assert!(!are_scrambled(word), "{word}");
        }
    }
}
