#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn every_name_is_a_fault_and_says_what_it_does() {
    for (name, about) in FAULTS {
        let fault: Fault = format!("{name}:count=2,after=1,endpoint=labels,page=7")
            .parse()
            .unwrap();
        assert_eq!(
            (fault.kind.name(), fault.count, fault.after),
            (*name, Some(2), 1)
        );
        assert_eq!(
            (fault.endpoint, fault.page.as_deref()),
            (Some(Endpoint::Labels), Some("7"))
        );
        assert!(!about.is_empty() && !about.contains('\n'));
    }
    assert_eq!(FAULTS.len(), FaultKind::ALL.len());
}

#[test]
fn own_keys_are_read_and_others_refused() {
    let fault: Fault = "missing-scope:scope=read:page:confluence,count=3"
        .parse()
        .unwrap();
    assert_eq!(
        (fault.scope.as_deref(), fault.count),
        (Some("read:page:confluence"), Some(3))
    );
    let fault: Fault = "redirect:to=http://127.0.0.1:9/x?y=z".parse().unwrap();
    assert_eq!(fault.to.as_deref(), Some("http://127.0.0.1:9/x?y=z"));
    assert_eq!(
        "rate-limit:seconds=7".parse::<Fault>().unwrap().seconds,
        Some(7)
    );
    assert_eq!("too-large-limit:limit=9".parse::<Fault>().unwrap().limit, 9);
    for (text, part) in [
        (
            "rate-limt",
            "no fault is named \"rate-limt\"; there are wrong-token, ",
        ),
        ("500:seconds=1", "the fault 500 has no key \"seconds\""),
        ("500:count=many", "\"many\" is no value for the key count"),
        (
            "500:endpoint=folders",
            "\"folders\" is no value for the key endpoint",
        ),
        ("wrong-types:shape=round", "\"round\" is no value"),
        ("500:count", "\"\" is no value"),
    ] {
        let message = text.parse::<Fault>().unwrap_err().to_string();
        assert!(message.starts_with(part), "{message}");
    }
}

#[test]
fn forms_are_checked_and_the_first_is_the_default() {
    for kind in FaultKind::ALL {
        assert_eq!(
            Fault::new(*kind).form,
            kind.forms().first().copied().unwrap_or_default()
        );
        for form in kind.forms() {
            let fault: Fault = format!("{}:form={form}", kind.name()).parse().unwrap();
            assert_eq!(fault.form, *form);
            let (_, about) = FAULTS
                .iter()
                .find(|(name, _)| *name == kind.name())
                .unwrap();
            assert!(about.contains(form), "{form} is not explained: {about}");
        }
    }
    for text in [
        "odd-numbers:form=roman",
        "500:form=x",
        "damage:one-in=0",
        "500:every=0",
        "captcha:status=200",
        "error-in-200:status=101",
    ] {
        assert!(text.parse::<Fault>().is_err(), "{text}");
    }
}
