use super::*;

/// Put together at run time, so that this file passes the check that it tests.
fn absolute(home: &str) -> String {
    format!("/{home}/somebody/checkout")
}

#[test]
fn a_path_into_a_home_directory_is_found() {
    for home in HOMES {
        let path = absolute(home);
        for line in [path.clone(), format!("cd {path}"), format!("\"{path}\""), format!("X={path}")]
        {
            assert!(has_stray_path(&line), "{line}");
        }
    }
}

#[test]
fn other_paths_are_left_alone() {
    let path = absolute("root");
    for line in
        ["/var/lib/pelton".to_owned(), format!("https://example.org{path}"), format!("tree{path}")]
    {
        assert!(!has_stray_path(&line), "{line}");
    }
}
