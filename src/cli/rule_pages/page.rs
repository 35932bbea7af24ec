//! The page of a rule: what it looks for, in words, and what to do about a finding.
//!
//! No secret stands in it, made up or not: a line of an example has `…` in the place of everything that is random.

use crate::cli::recipe;
use crate::report::{markdown, markdown_block, markdown_code, markdown_url};
use crate::rules::{Checksum, Decoder, Rule, RuleSet, Shape, Texts, Within, template};

/// The text of a rule's page.
pub(super) fn page(set: &RuleSet, rule: &Rule) -> String {
    let (provider, provider_docs) = set.provider_of(rule).map(|p| (&*p.name, &*p.docs)).unwrap_or_default();
    let mut out = format!("# {}\n\n", markdown(&rule.name));
    out += &format!(
        "Rule `{}` of [{}]({}): severity {}, confidence {}. [All rules](../rules.md)\n\n",
        rule.id,
        markdown(provider),
        markdown_url(provider_docs),
        rule.severity.as_str(),
        rule.confidence.as_str()
    );
    out += &format!("## What it looks for\n\n{}\n\n", shape(rule));
    let points: String = points(rule).iter().map(|point| format!("* {point}\n")).collect();
    out += &format!("{points}\n");
    if let Some(line) = example(rule) {
        out += &format!("For example, with `…` in place of what is random:\n\n{}\n", markdown_block(&line));
    }
    out += &format!("The pattern:\n\n{}\n", markdown_block(&rule.pattern));
    out += &format!(
        "## What to do\n\n{}\n\n[The page that documents it]({})\n\n",
        markdown(&rule.advice),
        markdown_url(&rule.docs)
    );
    out += &verified(set, rule);
    if !rule.controls.is_empty() {
        out += &format!(
            "Controls that a leak touches: {}\n\n",
            rule.controls.iter().map(markdown).collect::<Vec<_>>().join(", ")
        );
    }
    out += &format!(
        "## Leaving it out\n\n`quell scan --exclude {}` looks for everything else. A single finding is suppressed by its \
         fingerprint: [how](../rules.md#leaving-out).\n",
        rule.id
    );
    out
}

/// How it is found out whether it works.
fn verified(set: &RuleSet, rule: &Rule) -> String {
    let lines = recipe::lines(set, rule);
    let mut out = "## Whether it works\n\n".to_owned();
    if lines.is_empty() {
        return out + "No recipe says how to ask.\n\n";
    }
    for (name, text) in lines {
        let text = if name == "page" || name == "control" { markdown(&text) } else { markdown_code(&text) };
        out += &format!("* {name}: {text}\n");
    }
    out + "\n"
}

/// Words as code. There are no commas between them: a name, a comma and a word read like a pair of name and value, also to scanners.
fn codes(words: &Texts) -> String {
    words.iter().map(markdown_code).collect::<Vec<_>>().join(" · ")
}

/// A sentence about the shape.
fn shape(rule: &Rule) -> String {
    let lengths = match (rule.min_len, rule.max_len) {
        (_, 0) => String::new(),
        (least, most) if least == most => format!(" of {least} bytes"),
        (least, most) => format!(" of {least} to {most} bytes"),
    };
    match rule.shape {
        Shape::Token if rule.before == (0, 0) => format!("A token{lengths} that starts with its keyword."),
        Shape::Token => format!("A token{lengths} with its keyword in it."),
        Shape::Assign if rule.password => "What is given to a name that has a keyword in it.".to_owned(),
        Shape::Assign => format!("A value{lengths}, given to a name that has a keyword in it."),
        Shape::Pair => format!(
            "A value{lengths}, given to a name that has a keyword in it. It is too weak alone: without its companion the \
             confidence is low."
        ),
        Shape::Url => "A URL or connection string that starts with its keyword and holds credentials.".to_owned(),
        Shape::Pem => "A block that starts with its keyword and goes to its END line.".to_owned(),
        Shape::Jwt => "A JSON Web Token: three parts of base64url with dots between them.".to_owned(),
        Shape::Run => format!("A run of characters{lengths}, without a keyword."),
    }
}

/// What else decides, a sentence each.
fn points(rule: &Rule) -> Vec<String> {
    let mut out = Vec::new();
    if !rule.keywords.is_empty() {
        let case = if rule.exact { "in this case" } else { "in any case" };
        out.push(format!("Keywords, {case}: {}", codes(&rule.keywords)));
    }
    out.extend(public(rule));
    out.extend(rule.checksum.map(|c| checksum(c).to_owned()));
    out.extend(rule.decoder.map(|d| decoder(d).to_owned()));
    if rule.min_entropy > 0 {
        let (bits, hundredths) = (rule.min_entropy / 100, rule.min_entropy % 100);
        out.push(format!("It looks random: at least {bits}.{hundredths:02} bits of entropy a byte."));
    }
    if rule.password {
        out.push(
            "It is a literal that a person chose: references, code, words, paths and hashes are told from it."
                .to_owned(),
        );
    }
    if !rule.examples.is_empty() {
        let words = codes(&rule.examples);
        out.push(format!("With one of these in it, it is a documented example, of low confidence: {words}"));
    }
    for companion in rule.companions.iter() {
        let place = match companion.within {
            Within::File => "the same file",
            Within::Directory => "the same directory",
        };
        let needed = if companion.required {
            "It is of no use without its"
        } else {
            "Its companion, where there is one, is the"
        };
        let (name, id) = (markdown_code(&companion.name), &companion.rule);
        out.push(format!("{needed} {name}, which [{id}]({id}.md) finds in {place}."));
    }
    if rule.fallback {
        out.push("Any other rule that finds the same bytes names the finding.".to_owned());
    }
    out
}

/// What reports show of the secret.
fn public(rule: &Rule) -> Option<String> {
    let count = usize::from(rule.public_prefix);
    let sample = template::redacted(&rule.sample, "").unwrap_or_default();
    let shown = sample.get(..count).filter(|shown| count > 0 && shown.is_ascii()).map(markdown_code);
    let such = shown.map(|shown| format!(", such as {shown},")).unwrap_or_default();
    (count > 0).then(|| format!("Reports show its first {count} bytes{such} and its length."))
}

const fn checksum(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::Crc32Base62 => "It ends in a checksum (CRC-32 in base 62). Where that is wrong, confidence is low.",
        Checksum::Crc32Hex => "It ends in a checksum (CRC-32 in hexadecimal). Where that is wrong, confidence is low.",
    }
}

const fn decoder(decoder: Decoder) -> &'static str {
    match decoder {
        Decoder::AwsKeyId => "It has the structure of an AWS key id, which encodes its account.",
        Decoder::Basic => "It is base64 of a user and a password.",
        Decoder::Jwt => "Its header and claims are JSON, and it is signed.",
        Decoder::JwtUnsigned => "Its header and claims are JSON, and it is not signed.",
        Decoder::PemPlain => "The key in it needs no passphrase.",
        Decoder::PemEncrypted => "The key in it needs a passphrase.",
        Decoder::Base64Json => "It is base64 of a JSON object.",
        Decoder::Macaroon => "It is a macaroon.",
    }
}

/// The rule's first line in which it is found, without anything that looks like a secret.
fn example(rule: &Rule) -> Option<String> {
    // Of a password, nothing is shown; of a URL with one in it, what is around it.
    let hidden = rule.password && !rule.sample.contains("://");
    let sample = if hidden { "…".to_owned() } else { template::redacted(&rule.sample, "").ok()? };
    template::redacted(rule.matches.first()?, &sample).ok()
}
