#include "repository/upkeep/verify/pack_check.h"

#include <algorithm>

#include "content/parity.h"

namespace perdure::repository {

namespace {

bool is_body(ByteView object, std::uint64_t length, PackName const& name) {
    return length <= object.size() && crypto::sha256(object.first(length)) == name.hash;
}

/// The body is proven: is what follows it the suffix that belongs to it?
void judge_suffix(CheckedPack& pack, bool suffix_expected) {
    ByteView const suffix = ByteView(pack.object).subspan(pack.body_bytes);
    if (suffix.empty() && !suffix_expected) return;
    Bytes const right = content::make_parity(pack.body());
    if (same_bytes(right, suffix)) return;
    pack.health = PackHealth::parity_lost;
    pack.detail = suffix.empty() ? "its parity suffix is gone" : "its parity suffix is damaged";
    pack.object.resize(pack.body_bytes);
    append(pack.object, right);
}

CheckedPack judge(Bytes object, PackName const& name, KnownOfPack const& known) {
    CheckedPack pack;
    std::uint64_t const told = content::body_bytes(object);
    for (std::uint64_t const length : {known.body_bytes.value_or(told), told}) {
        if (!is_body(object, length, name)) continue;
        pack.health = PackHealth::whole;
        pack.body_bytes = length;
        pack.object = std::move(object);
        judge_suffix(pack, known.parity || pack.object.size() > pack.body_bytes);
        return pack;
    }
    auto body = content::repair_with_parity(object, name.hash);
    if (!body) {
        pack.health = PackHealth::damaged;
        pack.detail = body.error().message();
        return pack;
    }
    pack.health = PackHealth::repairable;
    pack.detail = "its body is damaged";
    pack.body_bytes = body->size();
    pack.object = std::move(*body);
    append(pack.object, content::make_parity(pack.body()));
    return pack;
}

}  // namespace

Result<CheckedPack> check_pack(store::ObjectStore& store, PackName const& name,
                               KnownOfPack const& known, std::stop_token stop) {
    auto object = store::read_all(store, name.text(), pack_object_bytes_max, stop);
    if (object) return judge(std::move(*object), name, known);
    Fault const fault = object.error().fault();
    if (fault == Fault::cancelled) return object.error();
    CheckedPack pack;
    pack.detail = object.error().message();
    if (fault == Fault::not_found) {
        pack.health = PackHealth::missing;
    } else if (fault == Fault::corrupt || fault == Fault::exhausted) {
        pack.health = PackHealth::damaged;
    } else {
        pack.health = PackHealth::unreadable;
    }
    return pack;
}

}  // namespace perdure::repository
