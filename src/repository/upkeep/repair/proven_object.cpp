#include "repository/upkeep/repair/proven_object.h"

#include "repository/triple.h"
#include "repository/upkeep/repair/heal_objects.h"
#include "repository/upkeep/verify/pack_check.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t object_bytes_max = std::uint64_t{256} << 20;

Result<std::optional<Bytes>> read_proven_pack(store::ObjectStore& store, PackName const& name,
                                              std::stop_token stop) {
    PD_TRY(CheckedPack pack, check_pack(store, name, {}, std::move(stop)));
    if (pack.has_body()) return std::optional(std::move(pack.object));
    if (pack.health == PackHealth::missing) return fail(Fault::not_found, pack.detail);
    if (pack.health == PackHealth::unreadable) return fail(Fault::unavailable, pack.detail);
    return std::optional<Bytes>();
}

}  // namespace

ObjectForm form_of(store::ObjectName const& name) {
    if (name.starts_with("pack/")) return ObjectForm::pack;
    if (name.starts_with("index/")) return ObjectForm::segment;
    if (name.starts_with("lease/")) return ObjectForm::transient;
    for (std::string_view const prefix : triple_prefixes)
        if (prefix.ends_with('/') ? name.starts_with(prefix) : name == prefix)
            return ObjectForm::triple;
    return ObjectForm::plain;
}

Result<std::optional<Bytes>> read_proven(store::ObjectStore& store, store::ObjectName const& name,
                                         std::stop_token stop) {
    ObjectForm const form = form_of(name);
    if (form == ObjectForm::pack) {
        if (auto const pack = PackName::parse(name)) return read_proven_pack(store, *pack, stop);
        return std::optional<Bytes>();
    }
    auto object = store::read_all(store, name, object_bytes_max, stop);
    if (!object) {
        Fault const fault = object.error().fault();
        if (fault == Fault::corrupt || fault == Fault::exhausted) return std::optional<Bytes>();
        return object.error();
    }
    if (form == ObjectForm::plain) return std::optional(std::move(*object));
    if (form == ObjectForm::segment) {
        if (is_whole_segment(name, *object)) return std::optional(std::move(*object));
        return std::optional<Bytes>();
    }
    if (is_tombstone(*object)) return std::optional(std::move(*object));
    auto const body = read_triple(*object, object_bytes_max);
    if (!body) return std::optional<Bytes>();
    return std::optional(body->damaged ? make_triple(body->body) : std::move(*object));
}

}  // namespace perdure::repository
