//! What the fields make, as strings.

use super::*;
use crate::error::ErrorKind;

/// Fields as they are typed: `F:key=value` is a `-F`, everything else a `-f`.
fn typed(fields: &[&str]) -> Vec<FieldArgument> {
    fields
        .iter()
        .map(|field| match field.strip_prefix("F:") {
            Some(magic) => FieldArgument::Magic(magic.to_owned()),
            None => FieldArgument::Raw((*field).to_owned()),
        })
        .collect()
}

fn read(fields: &[&str]) -> Result<Fields> {
    let stdin = ByteSource::Memory(b"from stdin"[..].into());
    Fields::read(&typed(fields), &mut Inputs::new(Some(stdin)))
}

fn body(fields: &[&str]) -> String {
    let body = read(fields).and_then(Fields::into_body).unwrap_or_else(|error| panic!("{fields:?}: {error}"));
    String::from_utf8(body.bytes().unwrap()).unwrap()
}

fn refusal(fields: &[&str]) -> String {
    match read(fields).and_then(Fields::into_body) {
        Ok(body) => panic!("{fields:?} became {body:?}"),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Usage);
            error.message
        }
    }
}

#[test]
fn a_raw_field_is_a_string_whatever_it_says() {
    assert_eq!(
        body(&["name=Demo", "a=true", "b=12", "c=@file", "d=x=y", "e="]),
        r#"{"name":"Demo","a":"true","b":"12","c":"@file","d":"x=y","e":""}"#
    );
    assert_eq!(body(&["quote=\"\\\n"]), r#"{"quote":"\"\\\n"}"#);
}

#[test]
fn a_typed_field_is_what_it_looks_like() {
    assert_eq!(
        body(&["F:a=true", "F:b=false", "F:c=null", "F:d=12", "F:e=-3", "F:f=text", "F:g=@-"]),
        r#"{"a":true,"b":false,"c":null,"d":12,"e":-3,"f":"text","g":"from stdin"}"#
    );
}

#[test]
fn what_is_not_a_json_integer_stays_a_string() {
    assert_eq!(
        body(&["F:a=007", "F:b=+1", "F:c=1.5", "F:d=1e3", "F:e=12345678901234567890123", "F:f=-", "F:g=0"]),
        r#"{"a":"007","b":"+1","c":"1.5","d":"1e3","e":"12345678901234567890123","f":"-","g":0}"#
    );
}

#[test]
fn brackets_make_objects_and_arrays() {
    assert_eq!(body(&["a[b]=1", "a[c][d]=2", "e=3"]), r#"{"a":{"b":"1","c":{"d":"2"}},"e":"3"}"#);
    assert_eq!(body(&["F:ids[]=1", "F:ids[]=2", "tags[]=x"]), r#"{"ids":[1,2],"tags":["x"]}"#);
    assert_eq!(body(&["none[]"]), r#"{"none":[]}"#);
    assert_eq!(body(&["a[]=1", "a[]"]), r#"{"a":["1"]}"#);
    assert_eq!(body(&["a[b][]=1", "a[b][]=2"]), r#"{"a":{"b":["1","2"]}}"#);
}

#[test]
fn a_repeated_name_begins_the_next_object_of_a_list() {
    assert_eq!(
        body(&[
            "keys[][key_name]=one",
            "keys[][platforms][]=web",
            "keys[][platforms][]=ios",
            "keys[][translations][][language_iso]=en",
            "keys[][translations][][translation]=One",
            "keys[][translations][][language_iso]=de",
            "keys[][translations][][translation]=Eins",
            "keys[][key_name]=two",
            "F:keys[][is_plural]=false",
        ]),
        concat!(
            r#"{"keys":[{"key_name":"one","platforms":["web","ios"],"translations":["#,
            r#"{"language_iso":"en","translation":"One"},{"language_iso":"de","translation":"Eins"}]},"#,
            r#"{"key_name":"two","is_plural":false}]}"#
        )
    );
    assert_eq!(
        body(&["a[][b][c]=1", "a[][b][d]=2", "a[][b][c]=3"]),
        r#"{"a":[{"b":{"c":"1","d":"2"}},{"b":{"c":"3"}}]}"#
    );
}

#[test]
fn fields_that_clash_are_refused() {
    assert_eq!(refusal(&["a=1", "a=2"]), "the field `a` is given twice");
    assert_eq!(refusal(&["a[b]=1", "a[b]=2"]), "the field `a[b]` is given twice");
    assert_eq!(
        refusal(&["a=1", "a[b]=2"]),
        "the field `a[b]` does not go with an earlier one, which made a value of it"
    );
    assert_eq!(refusal(&["a=1", "a[]=2"]), "the field `a[]` does not go with an earlier one, which made a value of it");
    assert_eq!(refusal(&["a[]=1", "a=2"]), "the field `a` does not go with an earlier one, which made a list of it");
    assert_eq!(
        refusal(&["a[]=1", "a[b]=2"]),
        "the field `a[b]` does not go with an earlier one, which made a list of it"
    );
    assert_eq!(
        refusal(&["a[b]=1", "a[]=2"]),
        "the field `a[]` does not go with an earlier one, which made an object of it"
    );
    assert_eq!(
        refusal(&["a[b]=1", "a=2"]),
        "the field `a` does not go with an earlier one, which made an object of it"
    );
}

#[test]
fn a_malformed_field_is_refused() {
    for field in
        ["", "=1", "a", "a[b", "a[b=1", "a]b=1", "a[b]c=1", "[a]=1", "a[][]=1", "a[[b]]=1", "F:a=@", "F:a=@base64:"]
    {
        refusal(&[field]);
    }
    assert_eq!(refusal(&["a[b]"]), "the field `a[b]` has no value");
    refusal(&[&format!("a{}=1", "[b]".repeat(40_000))]);
}

#[test]
fn two_fields_cannot_both_read_standard_input() {
    assert_eq!(refusal(&["F:a=@-", "F:b=@base64:-"]), "two arguments read standard input, and it can be read once");
}

#[test]
fn a_file_is_sent_as_base64_between_the_other_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("en.json");
    std::fs::write(&path, "{\"a\": 1}\n").unwrap();
    let upload = format!("F:data=@base64:{}", path.display());
    assert_eq!(
        body(&["filename=en.json", &upload, "lang_iso=en"]),
        r#"{"filename":"en.json","data":"eyJhIjogMX0K","lang_iso":"en"}"#
    );
    let text = format!("F:data=@{}", path.display());
    assert_eq!(body(&[&text]), r#"{"data":"{\"a\": 1}\n"}"#);
}

#[test]
fn the_fields_of_a_get_are_pairs_of_its_query() {
    let query = |fields: &[&str]| read(fields).and_then(Fields::into_query);
    let pairs = query(&["F:limit=5", "F:archived=null", "a[b]=x y", "ids[]=1", "ids[]=2", "none[]"]).unwrap();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("limit", "5"), ("archived", ""), ("a[b]", "x y"), ("ids[]", "1"), ("ids[]", "2")]);
    assert_eq!(query(&["a=1", "a=2"]).unwrap_err().message, "the field `a` is given twice");
    assert!(query(&["F:data=@base64:-"]).is_err());
}

#[test]
fn a_query_pair_is_taken_as_it_is() {
    assert_eq!(pair("a=@x=1").unwrap(), ("a".to_owned(), "@x=1".to_owned()));
    assert!(pair("a").is_err());
    assert!(pair("=a").is_err());
}

#[test]
fn an_image_is_recognised_by_its_first_bytes() {
    for (beginning, expected) in [
        (&b"\x89PNG\r\n\x1a\n\0\0"[..], Some("data:image/png;base64,")),
        (b"\xff\xd8\xff\xe0", Some("data:image/jpeg;base64,")),
        (b"\x89PNG\n", None),
        (b"\xff\xd8", None),
        (b"GIF89a", None),
        (b"", None),
    ] {
        assert_eq!(data_url_prefix(beginning), expected, "{beginning:?}");
    }
}

#[test]
fn only_a_group_of_curls_flags_gets_its_hint() {
    let hint = |field: &str| read(&[field]).map(drop).unwrap_err().hints.concat();
    for field in ["sSL", "s", "sSLk"] {
        assert!(hint(field).contains("curl's -f"), "{field}");
    }
    for field in ["sSLkk", "name", "F:sSL"] {
        assert!(hint(field).contains("`key=value`"), "{field}");
    }
}

#[test]
fn standard_input_is_read_by_typed_fields_alone() {
    for (field, expected) in [
        ("F:a=@-", true),
        ("F:a=@base64:-", true),
        ("F:a=@dataurl:-", true),
        ("F:a=@file", false),
        ("F:a", false),
        ("a=@-", false),
    ] {
        assert_eq!(typed(&[field])[0].reads_stdin(), expected, "{field}");
    }
    assert!(read(&[]).unwrap().is_empty() && !read(&["a=1"]).unwrap().is_empty());
}

#[test]
fn a_key_has_at_most_sixty_four_levels() {
    let nested = |levels: usize| format!("a{}=1", "[b]".repeat(levels - 1));
    assert!(read(&[&nested(64)]).is_ok());
    for levels in [65, 66, 100] {
        assert!(refusal(&[&nested(levels)]).contains("deeper than 64 levels"), "{levels}");
    }
}
