// Which of several keyrings came from which.
//
// The problem: epochs are numbers, and two homes that were changed apart count on by themselves:
// the higher number need not know what the lower one holds. A tombstone that travels from it would
// destroy keys that lie nowhere else.
//
// 1. Every manifest names those that it comes after, by hash: only what is named was its state
//    once.
// 2. What sessions added after that state was left is not in it: while it is not folded in
//    elsewhere, the old manifest, which alone opens it, stays.
//
// Rejected: following `previous` alone (what lies between two homes is buried by then), and the
// times of manifests (clocks).
#include "repository/keyring/merge/lineage.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "repository/keyring/loaded.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t ancestors_tag = 1;

struct Field {
    std::uint64_t tag = 0;
    ByteView value;
};

/// Empty when the bytes are no sequence of fields.
std::optional<std::vector<Field>> fields_of(ByteView optional) {
    std::vector<Field> fields;
    Decoder in(optional);
    while (in.left() > 0) {
        auto const tag = in.varint();
        if (!tag) return std::nullopt;
        auto const value = in.bytes(optional_bytes_max);
        if (!value) return std::nullopt;
        fields.push_back({*tag, *value});
    }
    return fields;
}

/// Fails: cancelled.
Result<std::optional<KeyringHead>> head_at(store::ObjectStore& home, std::stop_token const& stop) {
    auto const listed = list_epochs(home, stop);
    if (!listed && listed.error().fault() == Fault::cancelled) return listed.error();
    if (!listed) return std::optional<KeyringHead>();
    for (auto at = listed->rbegin(); at != listed->rend(); ++at) {
        if (at->tombstone) continue;
        auto const stored = read_manifest(home, at->epoch, stop);
        if (!stored && stored.error().fault() == Fault::cancelled) return stored.error();
        if (!stored || stored->tombstone) continue;
        auto const header = read_manifest_header(stored->bytes);
        if (!header || header->epoch != at->epoch) continue;
        return std::optional(head_of(*header, crypto::sha256(stored->bytes)));
    }
    return std::optional<KeyringHead>();
}

struct Additions {
    std::set<store::ObjectName> live, buried;
};

/// None of a home that does not answer. Fails: cancelled.
Result<Additions> additions_at(store::ObjectStore& home, std::stop_token const& stop) {
    Additions found;
    auto const listed = home.list(
        "keyring/a/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            bool const buried = info.size_bytes == tombstone_object_bytes;
            (buried ? found.buried : found.live).insert(info.name);
            return {};
        },
        stop);
    if (!listed && listed.error().fault() == Fault::cancelled) return listed.error();
    return found;
}

struct AdditionsBelow {
    std::vector<store::ObjectName> const& names;
    std::uint64_t epoch = 0;
};

/// Whether the manifest of an epoch may open one of them: an inbox is named by the first epoch that
/// has it. What cannot be read opens nowhere. Fails: cancelled.
Result<bool> opens_any(store::ObjectStore& home, AdditionsBelow const& additions,
                       std::stop_token const& stop) {
    for (auto const& name : additions.names) {
        auto const body = get_triple(home, name, addition_bytes_max, stop);
        if (!body && body.error().fault() == Fault::cancelled) return body.error();
        if (!body || is_tombstone(body->body)) continue;
        auto const inbox = addition_epoch(body->body);
        if (inbox && *inbox <= additions.epoch) return true;
    }
    return false;
}

}  // namespace

Ancestor ancestor_of(crypto::Digest const& manifest_hash) {
    Ancestor number = 0;
    for (std::size_t i = 0; i < sizeof(number); ++i) {
        number |= std::to_integer<Ancestor>(manifest_hash.bytes[i]) << (8 * i);
    }
    return number;
}

std::vector<Ancestor> read_ancestors(ByteView optional) {
    std::vector<Ancestor> ancestors;
    auto const fields = fields_of(optional);
    if (!fields) return ancestors;
    for (Field const& field : *fields) {
        if (field.tag != ancestors_tag || field.value.size() % sizeof(Ancestor) != 0) continue;
        Decoder in(field.value);
        while (in.left() > 0 && ancestors.size() < ancestors_max) {
            auto const ancestor = in.u64();
            if (!ancestor) break;
            ancestors.push_back(*ancestor);
        }
    }
    return ancestors;
}

Bytes with_ancestors(ByteView optional, std::vector<Ancestor> const& ancestors) {
    auto const fields = fields_of(optional);
    if (!fields) return to_bytes(optional);
    Encoder own;
    for (std::size_t i = 0; i < std::min(ancestors.size(), ancestors_max); ++i) {
        own.u64(ancestors[i]);
    }
    Encoder out;
    out.varint(ancestors_tag);
    out.bytes(own.view());
    for (Field const& field : *fields) {
        if (field.tag == ancestors_tag) continue;
        out.varint(field.tag);
        out.bytes(field.value);
    }
    if (out.view().size() > optional_bytes_max) return to_bytes(optional);
    return out.take();
}

KeyringHead head_of(Manifest const& header, crypto::Digest const& hash) {
    return {header.epoch, hash, header.previous, read_ancestors(header.optional)};
}

bool descends(KeyringHead const& young, KeyringHead const& old) {
    if (young.hash == old.hash || young.previous == old.hash) return true;
    if (young.epoch <= old.epoch) return false;
    if (young.ancestors.empty()) return true;
    return std::ranges::find(young.ancestors, ancestor_of(old.hash)) != young.ancestors.end();
}

std::vector<std::size_t> newest_of(std::vector<KeyringHead> const& heads) {
    std::vector<std::size_t> newest;
    for (std::size_t i = 0; i < heads.size(); ++i) {
        bool overtaken = false;
        for (std::size_t j = 0; j < heads.size() && !overtaken; ++j) {
            bool const same = heads[j].hash == heads[i].hash;
            overtaken = same ? j < i : descends(heads[j], heads[i]);
        }
        if (!overtaken) newest.push_back(i);
    }
    return newest;
}

Result<Lineage> lineage_of(std::vector<store::ObjectStore*> const& homes, std::stop_token stop) {
    Lineage lineage;
    std::vector<KeyringHead> heads;
    for (store::ObjectStore* home : homes) {
        PD_TRY(auto head, head_at(*home, stop));
        if (head) heads.push_back(*head);
        lineage.heads.push_back(std::move(head));
    }
    auto const newest = newest_of(heads);
    lineage.forked = newest.size() > 1;
    if (newest.empty()) return lineage;
    std::vector<Additions> added;
    std::set<store::ObjectName> folded;
    for (std::size_t i = 0; i < homes.size(); ++i) {
        PD_TRY(Additions here, additions_at(*homes[i], stop));
        bool const lags = !lineage.heads[i] || lineage.heads[i]->hash != heads[newest[0]].hash;
        if (!lags) folded.insert(here.buried.begin(), here.buried.end());
        added.push_back(lags && lineage.heads[i] ? std::move(here) : Additions{});
    }
    for (std::size_t i = 0; i < homes.size(); ++i) {
        std::vector<store::ObjectName> left;
        std::ranges::set_difference(added[i].live, folded, std::back_inserter(left));
        if (left.empty()) continue;
        PD_TRY(bool const own, opens_any(*homes[i], {left, lineage.heads[i]->epoch}, stop));
        if (own) lineage.unfolded.push_back(i);
    }
    return lineage;
}

}  // namespace perdure::repository
