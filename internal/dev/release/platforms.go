package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"
)

// project begins the name of every file of a release.
const project = "terraform-provider-smtp"

// platform is one that a release is built for, in the words of Go and of the registries.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

// executable is what the registries want the one for p in its archive to be called.
func (p platform) executable(version string) string {
	name := project + "_v" + version
	if p.os == "windows" {
		name += ".exe"
	}
	return name
}

// archive is what they want the archive to be called.
func (p platform) archive(version string) string {
	return project + "_" + version + "_" + p.String() + ".zip"
}

// manifestFile tells the registries which protocol the provider speaks.
const manifestFile = "terraform-registry-manifest.json"

func manifestName(version string) string { return project + "_" + version + "_manifest.json" }

func sumsName(version string) string { return project + "_" + version + "_SHA256SUMS" }

// readPlatforms reads out of .goreleaser.yml in the folder root what a release is built for.
func readPlatforms(root string) ([]platform, error) {
	path := filepath.Join(root, ".goreleaser.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config struct {
		Builds []struct {
			GOOS, GOARCH []string
			Ignore       []struct{ GOOS, GOARCH string }
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(config.Builds) != 1 {
		return nil, fmt.Errorf("%s: want one build", path)
	}
	b := config.Builds[0]
	var platforms []platform
	for _, system := range b.GOOS {
		for _, arch := range b.GOARCH {
			if !slices.Contains(b.Ignore, struct{ GOOS, GOARCH string }{system, arch}) {
				platforms = append(platforms, platform{system, arch})
			}
		}
	}
	return platforms, nil
}
