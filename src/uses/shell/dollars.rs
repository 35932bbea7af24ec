//! Variables in texts that are no scripts: values in which a pipeline or a shell fills them in.

use crate::model::usage::Span;

/// Every `$NAME` and `${NAME}` of a text that begins at a byte of the file; `$$` is a dollar. Of `${NAME:-default}` the bytes end
/// behind the name.
#[must_use]
pub fn dollars(text: &str, base: usize) -> Vec<(&str, Span)> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(start) = memchr::memchr(b'$', text.as_bytes().get(at..).unwrap_or_default()).map(|found| at + found)
    {
        let rest = text.get(start + 1..).unwrap_or_default();
        if rest.starts_with('$') {
            at = start + 2;
            continue;
        }
        let open = usize::from(rest.starts_with('{'));
        let inner = rest.get(open..).unwrap_or_default();
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = inner.get(..length).unwrap_or_default();
        at = start + 1 + open + length;
        if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
            at += usize::from(open == 1 && inner.as_bytes().get(length) == Some(&b'}'));
            all.push((name, Span { start: base + start, end: base + at }));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn names_are_told_with_their_bytes() {
        let text = "$A ${B}x ${C:-$D} $$E $$$F $1 ${} $ é$G";
        let told: Vec<_> =
            dollars(text, 0).into_iter().map(|(name, span)| (name, &text[span.start..span.end])).collect();
        let all = [("A", "$A"), ("B", "${B}"), ("C", "${C"), ("D", "$D"), ("F", "$F"), ("G", "$G")];
        assert_eq!(told, all);
        assert_eq!(dollars("$A", 7)[0].1.start, 7);
    }
}
