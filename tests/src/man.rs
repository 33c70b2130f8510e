//! Man pages and shell completions, made from the definitions that the programs themselves parse with.
//!
//! `make man` writes them to `packaging/`; a test holds the files there against this.

use std::io;

use clap::Command;
use clap_complete::{Generator, Shell, generate};
use clap_mangen::Man;

/// The shells that completions are made for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// The programs, with the section of their man pages.
#[must_use]
pub fn programs() -> Vec<(Command, &'static str)> {
    vec![
        (hostmeter_agent::cli::agent_command(), "8"),
        (hostmeter_agent::cli::executor_command(), "8"),
        (hostmeter_collector::cli::collector_command(), "8"),
        (hostmeter_collector::client::definition(), "1"),
    ]
}

/// Every file to be written: its path below `packaging/`, and its content.
///
/// # Errors
/// A page cannot be rendered.
pub fn files(programs: Vec<(Command, &str)>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for (command, section) in programs {
        let name = command.get_name().to_owned();
        files.push((format!("man/{name}.{section}"), page(&command, section)?));
        for shell in SHELLS {
            let mut text = Vec::new();
            generate(shell, &mut command.clone(), &name, &mut text);
            files.push((format!("completions/{}", shell.file_name(&name)), text));
        }
    }
    Ok(files)
}

/// One page a program: the program itself, then a section for each of its subcommands.
fn page(command: &Command, section: &str) -> io::Result<Vec<u8>> {
    let mut command = command.clone().disable_help_subcommand(true);
    command.build();
    let mut out = Vec::new();
    let man = Man::new(command.clone()).section(section).manual("Hostmeter");
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    for sub in command.get_subcommands() {
        subcommand(sub, command.get_name(), &mut out)?;
    }
    Ok(out)
}

/// The section of a subcommand, or those of its own subcommands. Options that every subcommand has stand at the
/// top of the page alone.
fn subcommand(command: &Command, parents: &str, out: &mut Vec<u8>) -> io::Result<()> {
    if command.is_hide_set() {
        return Ok(());
    }
    let path = format!("{parents} {}", command.get_name());
    if command.has_subcommands() {
        return command.get_subcommands().try_for_each(|sub| subcommand(sub, &path, out));
    }
    let own = command.clone().mut_args(|arg| {
        let common = arg.is_global_set() || matches!(arg.get_id().as_str(), "help" | "version");
        arg.hide(common)
    });
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command
        .get_arguments()
        .any(|arg| !arg.is_global_set() && arg.get_id() != "help" && arg.get_id() != "version")
    {
        man.render_options_section(&mut text)?;
    }
    out.extend(format!(".SH \"{}\"\n", path.to_uppercase().replace('-', "\\-")).into_bytes());
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    // What prepares a whole page is there already, and its headings would break this section up.
    let preamble = |line: &&str| [".ie ", ".el ", ".SH SYNOPSIS"].iter().any(|start| line.starts_with(start));
    for line in text.lines().filter(|line| !preamble(line)) {
        match line.strip_prefix(".SH ") {
            Some("OPTIONS") => out.extend(b".PP\nOptions:\n"),
            Some(_) => out.extend(b".PP\n"),
            None => out.extend(format!("{line}\n").bytes()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn sample() -> Command {
        Command::new("prog")
            .version("1.2.3")
            .about("Does things.")
            .arg(Arg::new("config").long("config").global(true).help("The file."))
            .subcommand(Command::new("run").about("Runs it."))
            .subcommand(
                Command::new("host").about("Hosts.").subcommand(
                    Command::new("add")
                        .about("Adds one.")
                        .arg(Arg::new("approve").long("approve").help("At once.")),
                ),
            )
            .subcommand(Command::new("secret").hide(true).about("Hidden."))
    }

    #[test]
    fn a_page_holds_every_visible_subcommand_and_the_common_options_once() {
        let page = String::from_utf8(page(&sample(), "8").unwrap()).unwrap();
        for needed in [".TH prog 8", "PROG RUN", "PROG HOST ADD", "Adds one.", "approve", "At once."] {
            assert!(page.contains(needed), "no {needed} in\n{page}");
        }
        assert_eq!(page.matches("The file.").count(), 1, "{page}");
        assert!(!page.contains("Hidden."), "{page}");
    }

    #[test]
    fn each_program_has_a_page_and_three_completions() {
        let files = files(vec![(sample(), "1")]).unwrap();
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["man/prog.1", "completions/prog.bash", "completions/_prog", "completions/prog.fish"]
        );
        assert!(files.iter().all(|(_, text)| String::from_utf8_lossy(text).contains("approve")));
    }
}
