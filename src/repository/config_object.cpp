#include "repository/config_object.h"

#include "base/time_codec.h"
#include "repository/preamble.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {
constexpr std::string_view config_magic = "PDCF";
constexpr std::size_t label_bytes_max = 4096;
constexpr std::uint64_t config_bytes_max = 64u << 10;
}  // namespace

Bytes RepositoryConfig::encode() const {
    Encoder out;
    Preamble{.read_only = read_only_features}.encode(out, config_magic);
    out.raw(repository.view());
    out.raw(destination.view());
    encode_time(out, created);
    out.u8(parity ? 1 : 0);
    out.text(label);
    return out.take();
}

Result<RepositoryConfig> RepositoryConfig::decode(ByteView body) {
    Decoder in(body);
    PD_TRY(Preamble const preamble, Preamble::decode(in, config_magic));
    RepositoryConfig config;
    config.read_only_features = preamble.read_only;
    PD_TRY(config.repository, in.id<RepositoryId>());
    PD_TRY(config.destination, in.id<DestinationId>());
    PD_TRY(config.created, decode_time(in));
    PD_TRY(std::uint8_t const parity, in.u8());
    config.parity = parity != 0;
    PD_TRY(config.label, in.text(label_bytes_max));
    PD_CHECK(in.expect_end());
    if (parity > 1) return fail(Fault::corrupt, "the config holds an unknown value").with_code(14);
    return config;
}

Result<std::optional<RepositoryId>> repository_at(store::ObjectStore& store, std::stop_token stop) {
    auto const object = get_triple(store, "config", config_bytes_max, std::move(stop));
    if (!object && object.error().fault() == Fault::not_found) return std::optional<RepositoryId>();
    if (!object) return object.error();
    PD_TRY(auto const config, RepositoryConfig::decode(object->body));
    return std::optional(config.repository);
}

bool answers(store::ObjectStore& store, std::stop_token stop) {
    auto const config = store.head("config", std::move(stop));
    return config || config.error().fault() != Fault::unavailable;
}

Result<bool> holds_objects(store::ObjectStore& store, std::stop_token stop) {
    bool found = false;
    for (char const* prefix : {"keyring/", "pack/", "index/", "snapshot/"}) {
        PD_CHECK(store.list(
            prefix,
            [&](store::ObjectInfo const&) -> Result<void> {
                found = true;
                return {};
            },
            stop));
    }
    return found;
}

}  // namespace perdure::repository
