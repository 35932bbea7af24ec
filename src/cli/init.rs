//! `quell init`: a configuration template in which every option stands with its default and a comment.

use std::io::Write;

use anyhow::{Context, Result, bail};

use super::{Exit, config, suppress};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the template instead of writing it.
    #[arg(long)]
    stdout: bool,
    /// Write the template of a target's own file, `.quell.toml`, into this directory instead.
    #[arg(long, value_name = "DIR")]
    target: Option<std::path::PathBuf>,
    /// Write the template of the organisation's record of owners, `owners.toml`, beside the configuration instead.
    #[cfg(feature = "remediate")]
    #[arg(long, conflicts_with = "target")]
    owners: bool,
}

impl Args {
    /// The template that is asked for, and the name of its file in the configuration folder.
    fn own(&self) -> (&'static str, &'static str) {
        #[cfg(feature = "remediate")]
        if self.owners {
            return (crate::owners::TEMPLATE, "owners.toml");
        }
        (if self.target.is_some() { TARGET } else { CONFIG }, "config.toml")
    }
}

/// The user's configuration. Every option is shown with its default.
const CONFIG: &str = include_str!("init/config.toml");
/// What may stand in a target.
const TARGET: &str = include_str!("init/target.toml");

pub(super) fn run(args: &Args) -> Result<Exit> {
    let (template, name) = args.own();
    let path = match &args.target {
        Some(dir) => dir.join(suppress::FILE),
        None if args.stdout => std::path::PathBuf::new(),
        None => {
            let folder = config::user_folder().context("there is no home directory to write the configuration to\n  help: use --stdout and name the file with --config")?;
            folder.join(name)
        }
    };
    let mut out = std::io::stdout().lock();
    if args.stdout {
        out.write_all(template.as_bytes())?;
        return Ok(Exit::Clean);
    }
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            file.write_all(template.as_bytes()).with_context(|| format!("`{}` cannot be written", path.display()))?
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("`{}` is there already\n  help: use --stdout to see the template", path.display())
        }
        Err(e) => return Err(e).with_context(|| format!("`{}` cannot be written", path.display())),
    }
    writeln!(out, "wrote {}", path.display())?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template with every commented option switched on.
    fn switched_on(template: &str) -> String {
        let option = |line: &str| {
            line.strip_prefix("# ")
                .filter(|l| {
                    l.starts_with('[')
                        || l.split('=').next().is_some_and(|k| !k.trim().contains(' ') && l.contains(" = "))
                })
                .map(str::to_owned)
        };
        template.lines().map(|l| option(l).unwrap_or_else(|| l.to_owned())).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_template_is_a_valid_configuration_with_all_its_options_switched_on() {
        let text = switched_on(CONFIG);
        let config: config::Config = toml::from_str(&text).unwrap();
        assert!(
            config.scan.threads.is_some()
                && config.rules.dir.is_some()
                && config.fingerprint.key_file.is_some()
                && config.scan.max_file_size.is_some()
                && config.verify.keep_hours.is_some()
                && config.network.proxy.is_some()
                && config.endpoints.len() == 3,
            "{text}"
        );
        toml::from_str::<toml::Table>(CONFIG).unwrap();
        assert!(toml::from_str::<toml::Table>(&switched_on(TARGET)).unwrap().contains_key("suppress"));
    }
}
