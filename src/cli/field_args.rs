//! `-f` and `-F` in the order in which they were typed: in a list of objects it says
//! which field begins the next one. clap's derive keeps the order within a flag only.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::complete::candidates;
use crate::call::fields::FieldArgument;

/// The fields of a call, as typed.
#[derive(Clone, Debug, Default)]
pub struct InOrder(pub Vec<FieldArgument>);

const RAW: &str = "raw-field";
const MAGIC: &str = "field";

impl Args for InOrder {
    fn augment_args(command: Command) -> Command {
        let field = |name: &'static str, short: char, help: &'static str| {
            Arg::new(name)
                .short(short)
                .long(name)
                .help(help)
                .value_name("KEY=VALUE")
                .value_hint(ValueHint::Other)
                .action(ArgAction::Append)
                .help_heading("Request")
        };
        command.arg(field(RAW, 'f', "Add a string field, `key=value`")).arg(
            field(MAGIC, 'F', "Add a typed field: true, 12, @file, @base64:file, @dataurl:image")
                .add(ArgValueCompleter::new(candidates::field_files)),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for InOrder {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |name: &str, make: fn(String) -> FieldArgument| -> Vec<(usize, FieldArgument)> {
            let indices = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
            indices.zip(values.map(make)).collect()
        };
        let mut fields = typed(RAW, FieldArgument::Raw);
        fields.extend(typed(MAGIC, FieldArgument::Magic));
        fields.sort_by_key(|(index, _)| *index);
        Ok(Self(fields.into_iter().map(|(_, field)| field).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_the_order_in_which_they_were_typed() {
        let command = InOrder::augment_args(Command::new("call"));
        let matches = command.try_get_matches_from([
            "call",
            "-f",
            "a=1",
            "-Fb=2",
            "--raw-field=c=3",
            "--field",
            "d=4",
            "-f",
            "e",
        ]);
        let InOrder(fields) = InOrder::from_arg_matches(&matches.unwrap()).unwrap();
        let shown: Vec<String> = fields
            .iter()
            .map(|field| match field {
                FieldArgument::Raw(text) => format!("-f {text}"),
                FieldArgument::Magic(text) => format!("-F {text}"),
            })
            .collect();
        assert_eq!(shown, ["-f a=1", "-F b=2", "-f c=3", "-F d=4", "-f e"]);
    }
}
