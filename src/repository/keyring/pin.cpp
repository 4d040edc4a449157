#include "repository/keyring/pin.h"

#include <fmt/core.h>

namespace perdure::repository {

namespace {
constexpr std::string_view pin_magic = "PDPN";
constexpr std::uint64_t pin_bytes_max = 1024;

Result<Pin> decode(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(ByteView const magic, in.raw(pin_magic.size()));
    if (as_text(magic) != pin_magic) return fail(Fault::corrupt, "the pin file is no pin");
    Pin pin;
    PD_TRY(pin.repository, in.id<RepositoryId>());
    PD_TRY(pin.epoch, in.u64());
    PD_TRY(pin.hash, in.id<crypto::Digest>());
    PD_CHECK(in.expect_end());
    return pin;
}

}  // namespace

std::optional<Pin> read_pin(system::Path const& file) {
    if (file.empty()) return std::nullopt;
    auto const bytes = system::read_file(file, pin_bytes_max);
    auto const pin = bytes ? decode(*bytes) : Result<Pin>(bytes.error());
    return pin ? std::optional(*pin) : std::nullopt;
}

Result<void> write_pin(system::Path const& file, Pin const& pin) {
    if (file.empty()) return {};
    Encoder out;
    out.raw(as_bytes(pin_magic));
    out.raw(pin.repository.view());
    out.u64(pin.epoch);
    out.raw(pin.hash.view());
    PD_CHECK(system::make_folders(file.parent_path()));
    return system::write_file(file, out.view());
}

bool is_rollback(Error const& error) {
    return error.code() == 14 && error.message().find(rollback_begins) != std::string::npos;
}

Result<void> check_pin(Pin const& pin, OpenedManifest const& found) {
    if (pin.repository != found.header.repository) {
        return fail(Fault::conflict, "the pin on this machine belongs to another repository")
            .with_code(14);
    }
    if (found.header.epoch < pin.epoch) {
        return fail(Fault::corrupt,
                    fmt::format("{}the keyring is at epoch {}, this machine saw epoch {}",
                                rollback_begins, found.header.epoch, pin.epoch))
            .with_code(14)
            .with_fix("somebody put an older copy in place: find the newer one before writing");
    }
    if (found.header.epoch == pin.epoch && found.hash != pin.hash) {
        return fail(Fault::conflict,
                    fmt::format("fork: epoch {} of the keyring is not the one this machine saw",
                                pin.epoch))
            .with_code(14);
    }
    return {};
}

}  // namespace perdure::repository
