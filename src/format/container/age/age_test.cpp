#include "format/container/age/age.h"

#include <gtest/gtest.h>

#include <random>

#include "crypto/exchange.h"
#include "format/container/age/bech32.h"
#include "system/file.h"

namespace perdure::format {
namespace {

class Kept : public Output {
public:
    explicit Kept(Bytes& into) : into_(into) {}
    Result<void> write(ByteView bytes) override {
        append(into_, bytes);
        return {};
    }
    Result<void> finish() override { return {}; }

private:
    Bytes& into_;
};

/// Gives its bytes in pieces of any size.
class Pieces : public data::ByteSource {
public:
    explicit Pieces(ByteView bytes) : bytes_(bytes) {}
    Result<std::size_t> read(ByteSpan into) override {
        auto const count = std::min({into.size(), bytes_.size(), std::size_t{1 + turn_++ % 7001}});
        std::copy_n(bytes_.begin(), count, into.begin());
        bytes_ = bytes_.subspan(count);
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    ByteView bytes_;
    std::size_t turn_ = 4096;
};

Bytes some_bytes(std::size_t count) {
    Bytes bytes(count);
    std::minstd_rand random(static_cast<unsigned>(count));
    for (auto& byte : bytes) byte = std::byte(static_cast<std::uint8_t>(random() >> 8));
    return bytes;
}

struct Pair {
    crypto::SealPair keys = crypto::make_seal_pair(system::real_random());
    AgeSeal seal{.recipients = {keys.open}};
    AgeKeys open{.identities = {keys.secret}};
};

Result<Bytes> sealed(AgeSeal const& seal, ByteView plain) {
    Bytes result;
    PD_TRY(auto output, encrypt_age(std::make_unique<Kept>(result), seal, system::real_random()));
    PD_CHECK(output->write(plain.first(plain.size() / 3)));
    PD_CHECK(output->write(plain.subspan(plain.size() / 3)));
    PD_CHECK(output->finish());
    return result;
}

Result<Bytes> all_of(Result<std::unique_ptr<data::ByteSource>> from) {
    PD_TRY(auto source, std::move(from));
    Bytes result, part(50'000);
    while (true) {
        PD_TRY(auto const count, source->read(part));
        if (count == 0) return result;
        append(result, ByteView(part).first(count));
    }
}

Result<Bytes> opened(AgeKeys const& keys, ByteView file) {
    return all_of(decrypt_age(std::make_unique<Pieces>(file), keys));
}

TEST(Age, EverySizeAroundAChunkComesBack) {
    Pair const pair;
    for (std::size_t const size : {0, 1, 65535, 65536, 65537, 131072, 200'000}) {
        auto const plain = some_bytes(size);
        auto const file = sealed(pair.seal, plain);
        ASSERT_TRUE(file);
        auto const back = opened(pair.open, *file);
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_EQ(*back, plain);
    }
}

TEST(Age, EveryChangedByteAndEveryCutIsFound) {
    Pair const pair;
    auto const plain = some_bytes(65536 + 100);
    auto const file = *sealed(pair.seal, plain);
    for (std::size_t at = 0; at < file.size(); at += at < 400 ? 1 : 997) {
        auto changed = file;
        changed[at] ^= std::byte{1};
        EXPECT_FALSE(opened(pair.open, changed)) << "byte " << at;
    }
    for (std::size_t size = 0; size < file.size(); size += 811) {
        EXPECT_FALSE(opened(pair.open, ByteView(file).first(size))) << "cut at " << size;
    }
    // Cut where the second chunk begins: the first is whole, but not marked as the last.
    EXPECT_FALSE(opened(pair.open, ByteView(file).first(file.size() - 116)));
    auto longer = file;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(opened(pair.open, longer));
}

TEST(Age, GoesOnAfterAKillWithTheSameBytes) {
    Pair const pair;
    auto const plain = some_bytes(300'000);
    for (std::size_t const at : {0, 1, 65536, 100'000, 131072}) {
        Bytes first, state;
        {
            auto output =
                *encrypt_age(std::make_unique<Kept>(first), pair.seal, system::real_random());
            ASSERT_TRUE(output->write(ByteView(plain).first(at)));
            state = output->checkpoint();
        }
        auto again = resume_age(std::make_unique<Kept>(first), state);
        ASSERT_TRUE(again);
        ASSERT_TRUE((*again)->write(ByteView(plain).subspan(at)));
        ASSERT_TRUE((*again)->finish());
        auto const back = opened(pair.open, first);
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_EQ(*back, plain);
    }
}

TEST(Age, WhatWasWrittenIsReadBackWithoutAnybodysKey) {
    Pair const pair;
    for (std::size_t const size : {0, 1, 65536, 200'000}) {
        auto const plain = some_bytes(size);
        Bytes file;
        auto output = *encrypt_age(std::make_unique<Kept>(file), pair.seal, system::real_random());
        ASSERT_TRUE(output->write(plain));
        ASSERT_TRUE(output->finish());
        EXPECT_EQ(*all_of(output->read_back(std::make_unique<Pieces>(file))), plain);
        file[file.size() - 20] ^= std::byte{1};
        EXPECT_FALSE(all_of(output->read_back(std::make_unique<Pieces>(file)))) << size;
        EXPECT_FALSE(all_of(output->read_back(std::make_unique<Pieces>(ByteView(file).first(99)))));
    }
}

TEST(Age, AnotherKeyOrPassphraseIsDenied) {
    Pair const pair, other;
    auto const file = *sealed(pair.seal, some_bytes(10));
    EXPECT_EQ(opened(other.open, file).error().fault(), Fault::denied);
    EXPECT_EQ(opened({}, file).error().fault(), Fault::denied);
    AgeSeal seal;
    seal.passphrase = crypto::SecretBytes(to_bytes("correct horse"));
    seal.work_factor = 10;
    auto const by_passphrase = *sealed(seal, some_bytes(99));
    EXPECT_EQ(opened(other.open, by_passphrase).error().fault(), Fault::denied);
    AgeKeys wrong, right;
    wrong.passphrase = crypto::SecretBytes(to_bytes("wrong"));
    right.passphrase = crypto::SecretBytes(to_bytes("correct horse"));
    EXPECT_EQ(opened(wrong, by_passphrase).error().fault(), Fault::denied);
    EXPECT_EQ(*opened(right, by_passphrase), some_bytes(99));
    seal.recipients = pair.seal.recipients;
    EXPECT_EQ(sealed(seal, {}).error().fault(), Fault::invalid);
}

TEST(Age, AHeaderThatWouldTakeTheMachineIsRefused) {
    std::string header = "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\n" +
                         std::string(43, 'A') + "\n--- " + std::string(43, 'A') + "\n";
    AgeKeys keys;
    keys.passphrase = crypto::SecretBytes(to_bytes("x"));
    EXPECT_EQ(opened(keys, as_bytes(header)).error().fault(), Fault::denied);
    std::string const endless = "age-encryption.org/v1\n-> X25519 " + std::string(3 << 20, 'A');
    EXPECT_EQ(opened(keys, as_bytes(endless)).error().fault(), Fault::corrupt);
}

TEST(Age, KeysAreWrittenAsTheAgeProgramWritesThem) {
    // From age's own documentation of its keys.
    auto const recipient =
        parse_age_recipient("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    ASSERT_TRUE(recipient) << recipient.error().message();
    EXPECT_EQ(age_recipient_text(*recipient),
              "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    EXPECT_FALSE(
        parse_age_recipient("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk"));
    EXPECT_FALSE(parse_age_recipient("age1"));
    EXPECT_FALSE(parse_age_recipient(""));
    EXPECT_FALSE(from_bech32("Age1zvkyg2lq"));
}

/// Runs a program; its output goes to a file below `folder`.
std::string shell(std::string const& command) {
    auto const ran = std::system(command.c_str());  // NOLINT: a test's own words
    return ran == 0 ? "" : "failed: " + command;
}

class AgeProgram : public testing::Test {
protected:
    void write(std::string const& name, ByteView bytes) {
        ASSERT_TRUE(system::write_file(folder / name, bytes));
    }
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path folder = scratch.path();
    std::string in = "cd '" + folder.string() + "' && ";
};

TEST_F(AgeProgram, OpensWhatWeSeal) {
    ASSERT_EQ(shell("command -v age >/dev/null"), "") << "the age program must be installed";
    Pair const pair;
    write("key", as_bytes(age_identity_text(pair.keys.secret) + "\n"));
    for (std::size_t const size : {0, 65536, 300'000}) {
        write("plain", some_bytes(size));
        write("file.age", *sealed(pair.seal, some_bytes(size)));
        EXPECT_EQ(shell(in + "age -d -i key file.age > back && cmp plain back"), "");
    }
}

TEST_F(AgeProgram, SealsWhatWeOpen) {
    write("plain", some_bytes(200'000));
    ASSERT_EQ(shell(in + "age-keygen -o key 2>/dev/null && age-keygen -y key > recipient"), "");
    ASSERT_EQ(shell(in + "age -r $(cat recipient) -o file.age plain"), "");
    auto const identities =
        parse_age_identities(to_string(*system::read_file(folder / "key", 10'000)));
    ASSERT_TRUE(identities) << identities.error().message();
    auto const back =
        opened({.identities = *identities}, *system::read_file(folder / "file.age", 1 << 20));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, some_bytes(200'000));
    auto const recipient = to_string(*system::read_file(folder / "recipient", 100));
    EXPECT_EQ(age_recipient_text(crypto::x25519_public(identities->front())) + "\n", recipient);
}

}  // namespace
}  // namespace perdure::format
