//! How identifiers and texts fall into words.

use super::{split_identifier, split_text};
use proptest::prelude::*;

#[test]
fn identifiers_become_words() {
    let table = [
        ("KubePodCrashLooping", "kube pod crash looping"),
        ("restart-pod", "restart pod"),
        ("HTTPServerErrors", "http server errors"),
        ("PVCsFillingUp", "pvcs filling up"),
        ("KubeAPIErrorBudgetBurn", "kube api error budget burn"),
        ("etcdNoLeader", "etcd no leader"),
        ("HighErrorRate5xx", "high error rate5xx"),
        ("K8sNodeDown", "k8s node down"),
        ("system:serviceaccount/ci_deployer", "system serviceaccount ci deployer"),
        ("ip-10-0-4-17.eu-west-1.compute.internal", "ip eu west compute internal"),
        ("ÄrgerImÖrtchen", "ärger im örtchen"),
        ("", ""),
        ("---", ""),
    ];
    for (identifier, words) in table {
        assert_eq!(split_identifier(identifier), words, "{identifier}");
    }
}

#[test]
fn generated_parts_are_dropped_and_chosen_ones_kept() {
    let table = [
        ("checkout-api-7d9f8b6c5-x2x4z", "checkout api"),
        ("checkout-api-7d9f8b6c5", "checkout api"),
        ("node-exporter-kvlxr", "node exporter"),
        ("nightly-billing-28391040-x8w2p", "nightly billing"),
        ("data-postgres-0", "data postgres"),
        ("pvc-3f2504e0-4f89-11d3-9a0c-0305e82c3301", "pvc"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", ""),
        ("build-a1b2c3d4e5f6", "build"),
        ("proxy-https", "proxy https"),
        ("feed-facade", "feed facade"),
        ("x2x4z", "x2x4z"),
        ("my-app-delete-jobs", "my app delete jobs"),
    ];
    for (identifier, words) in table {
        assert_eq!(split_identifier(identifier), words, "{identifier}");
    }
}

#[test]
fn texts_keep_their_short_numbers_and_lose_addresses_and_long_ones() {
    let table = [
        ("OOMKilled: exit code 137", "oom killed exit code 137"),
        ("dial tcp 10.1.32.7:5432: i/o timeout", "dial tcp 5432 i o timeout"),
        ("available: 10737418240 bytes", "available bytes"),
        ("can't pull  image\n\tnow.", "can't pull image now"),
        ("'quoted' HTTP 503", "quoted http 503"),
        ("容器 无法启动 🚀", "容器 无法启动"),
    ];
    for (text, words) in table {
        assert_eq!(split_text(text), words, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_trimmed_words_with_single_spaces(text in ".{0,80}") {
        let words = split_text(&text);
        prop_assert_eq!(words.split_whitespace().collect::<Vec<_>>().join(" "), words);
    }

    #[test]
    fn two_pods_of_one_deployment_give_the_same_words(
        name in "[aeiou]{3,9}(-[aeiou]{2,9}){0,2}",
        hashes in prop::collection::vec("[bcdfghjklmnpqrstvwxz2456789]{8,10}", 2),
        suffixes in prop::collection::vec("[bcdfghjklmnpqrstvwxz2456789]{4}[2456789]", 2),
    ) {
        let pods: Vec<String> = hashes.iter().zip(&suffixes)
            .map(|(hash, suffix)| split_identifier(&format!("{name}-{hash}-{suffix}")))
            .filter(|words| !words.contains(char::is_numeric))
            .collect();
        prop_assert_eq!(pods, vec![name.replace('-', " "); 2]);
    }
}
