#include "service/config/key.h"

#include <algorithm>
#include <cstdlib>

#include "repository/keyring/keyring.h"
#include "service/config/units.h"
#include "system/process.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t secret_bytes_max = 64 * 1024;
constexpr int code_key_material = 203;

Error no_key(Fault fault, std::string message, std::string fix) {
    return fail(fault, std::move(message)).with_code(code_key_material).with_fix(std::move(fix));
}

Result<Bytes> from_file(system::Path const& path, std::string const& what) {
    auto raw = system::read_file(path, secret_bytes_max);
    if (raw) return std::move(*raw);
    auto const fault = raw.error().fault();
    if (fault == Fault::not_found) {
        return no_key(fault, "the " + what + " " + path.string() + " does not exist",
                      "put the key there, or correct [repository.…].key");
    }
    return no_key(fault, "the " + what + " cannot be read\n" + raw.error().message(),
                  "let this user read " + path.string());
}

Result<Bytes> from_environment(std::string const& name) {
    char const* value = std::getenv(name.c_str());
    if (value) return to_bytes(std::string_view(value));
    return no_key(Fault::not_found, "the environment variable " + name + " is not set",
                  "export " + name + "=…");
}

Result<Bytes> from_credential(std::string const& name) {
    char const* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (!folder) {
        return no_key(Fault::not_found, "no systemd credentials here (CREDENTIALS_DIRECTORY)",
                      "run under a unit with LoadCredential=" + name + ":/path");
    }
    if (name.contains('/') || name == "..") {
        return no_key(Fault::invalid, "a credential's name holds no '/'", "");
    }
    return from_file(system::Path(folder) / name, "credential");
}

Result<Bytes> from_command(std::vector<std::string> const& argv, std::stop_token stop) {
    Bytes out;
    auto const collect = [&](ByteView bytes) -> Result<void> {
        if (out.size() + bytes.size() > secret_bytes_max) {
            return no_key(Fault::exhausted, "the key command printed more than 64 KiB", "");
        }
        append(out, bytes);
        return {};
    };
    PD_TRY(system::Exit exit, system::run({.argv = argv}, collect, stop));
    if (exit.status == 0) return out;
    return no_key(Fault::unavailable,
                  "the key command " + argv.front() + " ended with status " +
                      std::to_string(exit.status) + "\n" + exit.standard_error,
                  "run it by hand and see");
}

/// The phrase on its line of a recovery kit, or the phrase alone.
Result<Bytes> phrase_in(Bytes const& kit) {
    if (repository::parse_recovery_phrase(as_text(kit))) return kit;
    for (auto const& line : split_words(as_text(kit), '\n')) {
        if (repository::parse_recovery_phrase(line)) return to_bytes(std::string_view(line));
    }
    return no_key(Fault::invalid, "no line of the recovery kit is a recovery phrase",
                  "compare it with the printed kit: eight groups of five characters");
}

Result<Bytes> fetch(KeyReference const& reference, AskSecret const& ask, std::stop_token stop) {
    using Way = KeyReference::Way;
    switch (reference.way) {
        case Way::file:
            return from_file(reference.value, "key file");
        case Way::environment:
            return from_environment(reference.value);
        case Way::credential:
            return from_credential(reference.value);
        case Way::command:
            return from_command(reference.argv, stop);
        case Way::literal:
            return to_bytes(reference.value);
        case Way::none:
            break;
        case Way::prompt: {
            std::string const question =
                reference.value.empty() ? "Passphrase of the repository: " : reference.value + " ";
            PD_TRY(crypto::SecretBytes answer, ask(question));
            return to_bytes(answer.view());
        }
    }
    return no_key(Fault::invalid, "the configuration names no key",
                  "add: key = { file = \"perdure.key\" }");
}

}  // namespace

repository::KeySecret::Kind kind_of_secret(ByteView bytes) {
    using Kind = repository::KeySecret::Kind;
    std::string_view const text = as_text(bytes);
    if (text.starts_with("perdure-key")) return Kind::key_file;
    if (text.starts_with("perdure-recovery")) return Kind::recovery_phrase;
    if (repository::parse_recovery_phrase(text)) return Kind::recovery_phrase;
    bool const printable = std::ranges::all_of(text, [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte >= 0x20 || c == '\n' || c == '\r' || c == '\t';
    });
    return printable ? Kind::passphrase : Kind::key_file;
}

Result<repository::KeySecret> load_key(KeyReference const& reference, AskSecret const& ask,
                                       std::stop_token stop) {
    PD_TRY(Bytes raw, fetch(reference, ask, stop));
    repository::KeySecret out;
    out.kind = kind_of_secret(raw);
    out.from_command = reference.way == KeyReference::Way::command;
    if (out.kind == repository::KeySecret::Kind::recovery_phrase) {
        PD_TRY(raw, phrase_in(raw));
    }
    bool const text = out.kind == repository::KeySecret::Kind::passphrase ||
                      as_text(raw).starts_with("perdure-key");
    if (text && !raw.empty() && raw.back() == std::byte{'\n'}) raw.pop_back();
    if (text && !raw.empty() && raw.back() == std::byte{'\r'}) raw.pop_back();
    if (raw.empty()) {
        return no_key(Fault::invalid, "the key is empty", "check where [repository.…].key points");
    }
    out.bytes = crypto::SecretBytes(std::move(raw));
    return out;
}

}  // namespace perdure::service
