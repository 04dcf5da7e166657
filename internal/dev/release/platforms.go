package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"
)

// project is the prefix of the name of every file of a release.
const project = "terraform-provider-smtp"

// platform is a platform that a release is built for, named as by Go and the registries.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

// executable returns the name that the registries require of the executable for p.
func (p platform) executable(version string) string {
	name := project + "_v" + version
	if p.os == "windows" {
		name += ".exe"
	}
	return name
}

// archive returns the name that the registries require of the archive for p.
func (p platform) archive(version string) string {
	return project + "_" + version + "_" + p.String() + ".zip"
}

// manifestFile tells the registries which protocol the provider speaks.
const manifestFile = "terraform-registry-manifest.json"

func manifestName(version string) string { return project + "_" + version + "_manifest.json" }

func sumsName(version string) string { return project + "_" + version + "_SHA256SUMS" }

// readPlatforms returns the platforms of a release, from .goreleaser.yml in the folder root.
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
