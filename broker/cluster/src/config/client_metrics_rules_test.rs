use super::*;
use crate::ErrorKind;

fn outcome(name: &str, value: &str) -> Result<(), ErrorKind> {
    let overrides = Overrides::from([(name.to_owned(), value.to_owned())]);
    check_client_metrics_configs(&overrides).map_err(|error| error.kind)
}

#[test]
fn the_interval_has_bounds() {
    for (value, expected) in [
        ("100", Ok(())),
        ("3600000", Ok(())),
        ("99", Err(ErrorKind::InvalidRequest)),
        ("3600001", Err(ErrorKind::InvalidRequest)),
        ("often", Err(ErrorKind::InvalidConfig)),
    ] {
        assert_eq!(outcome("interval.ms", value), expected, "{value}");
    }
}

#[test]
fn a_match_names_what_clients_tell_of_themselves() {
    for value in ["", "client_id=a.*", "client_id=a, client_software_name=b"] {
        assert_eq!(outcome("match", value), Ok(()), "{value}");
    }
    for value in ["client_id", "client_id=", "color=red", "client_id=a,"] {
        assert_eq!(outcome("match", value), Err(ErrorKind::InvalidConfig), "{value}");
    }
}

#[test]
fn an_unknown_name_is_an_invalid_request() {
    assert_eq!(outcome("retention.ms", "1"), Err(ErrorKind::InvalidRequest));
}
